"""A trajectory with tools of the server as messages, for the client that goes on with it."""

from typing import Any

from flyball.controllers.tool_history import history_of
from flyball.core.trajectory import ToolAnswered

from .toolbox import add, call, offered
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
