"""A trajectory with tools of the server as messages, for the client that goes on with it."""

from typing import Any

from flyball.controllers.tool_history import history_of, restored
from flyball.core.events import ToolAnswered

from .toolbox import add, call, offered, python
from .worlds import EOS, Run, pocket, run, writes

ADD, ASK = call("add", a=7, b=5), call("ask_user", q="?")


def messages_of(result: Run, *client_ids: str) -> list[dict[str, Any]]:
    server = result.episode.spec.server_tools
    assert server is not None
    return history_of(result.trajectory, pocket(), server, client_ids)


def ids_of(message: dict[str, Any]) -> list[str]:
    return [call["id"] for call in message["tool_calls"]]


def names_of(message: dict[str, Any]) -> list[str]:
    return [call["function"]["name"] for call in message["tool_calls"]]


async def test_a_call_that_a_stop_string_left_without_a_result_is_not_in_the_history() -> None:
    result = await run(writes(f"{ASK}\n{ADD}\nSTOP"), stops=("STOP",), **offered(add, client=True))

    assert result.shown.finish == "tool_calls"
    (turn,) = messages_of(result, "theirs")
    assert (ids_of(turn), names_of(turn)) == (["theirs"], ["ask_user"])


async def test_a_call_before_a_second_block_of_thinking_is_run() -> None:
    script = writes(f"<think>\na\n</think>\n\n{ADD}\n<think>\nb\n</think>\n\n{EOS}", f"It is 12.{EOS}")

    result = await run(script, **offered(add))

    assert [event.text for event in result.trajectory.tool_events if isinstance(event, ToolAnswered)] == ["12"]
    assert result.shown.content.endswith("It is 12.")


async def test_code_in_the_thinking_is_thinking_with_its_output() -> None:
    fence = "```python\nprint(6*7)\n```\n"
    result = await run(
        writes(f"<think>\na\n{fence}", f"b\n</think>\n\n{ASK}{EOS}"), **offered(python, client=True, fenced=True)
    )

    (turn,) = messages_of(result, "theirs")

    assert turn["reasoning_content"] == f"a\n{fence}```output\n42\n```\nb\n"
    assert ids_of(turn) == ["theirs"]


async def test_a_turn_that_a_client_sends_back_is_put_together_from_both() -> None:
    result = await run(writes(ADD + EOS, ASK + ADD + EOS), **offered(add, client=True))
    kept = messages_of(result, "theirs")
    (call,) = [call for call in kept[2]["tool_calls"] if call["id"] == "theirs"]
    answer = {"role": "tool", "tool_call_id": "theirs", "content": "yes"}

    sent = {"role": "assistant", "content": None, "tool_calls": [call]}
    whole = restored(kept, sent, [answer])

    assert whole == [*kept[:3], answer, kept[3]]


async def test_a_call_that_its_client_changed_is_as_it_sends_it() -> None:
    kept = messages_of(await run(writes(ASK + ADD + EOS), **offered(add, client=True)), "theirs")
    changed = {"id": "theirs", "type": "function", "function": {"name": "ask_user", "arguments": '{"q": "!"}'}}

    (turn, *_) = restored(kept, {"role": "assistant", "tool_calls": [changed]}, [])

    assert turn["tool_calls"] == [changed, kept[0]["tool_calls"][1]]
