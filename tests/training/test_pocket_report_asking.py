"""Requests, conversations with tools, and parts that are asked at most once, against a server made of a function."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from flyball.core.errors import ConfigError
from flyball.training.pocket.reasoner.calls import Budget
from flyball.training.pocket.report.asking import Asker
from flyball.training.pocket.report.bench import CONCURRENCY, Bench
from flyball.training.pocket.report.conversation import converse
from flyball.training.pocket.report.parts import Parts, Settings
from flyball.training.pocket.report.rows import Call, Reply, Row
from flyball.training.pocket.report.toolbox import Budgeted, Toolbox
from flyball.training.pocket.tokenizer import train_tokenizer
from flyball.training.pocket.world.question import Question

QUESTION = Question("chain", "What is 1 + 1?", "2", 1)
USER = [{"role": "user", "content": "Hello"}]


def asker(answer: Callable[[dict[str, Any]], httpx.Response]) -> Asker:
    """Asks a function from bodies to responses."""
    transport = httpx.MockTransport(lambda request: answer(json.loads(request.content)))
    return Asker(httpx.AsyncClient(transport=transport, base_url="http://test/v1"), "pocket")


def turn(
    content: str | None = None, thinking: str | None = None, calls: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """One choice's message."""
    listed = [{"id": f"c{n}", "function": {"name": name, "arguments": a}} for n, (name, a) in enumerate(calls)]
    return {"content": content, "reasoning_content": thinking, "tool_calls": listed}


def chat(*turns: dict[str, Any]) -> httpx.Response:
    """A chat completion with these choices, the last one first."""
    choices = [{"index": n, "message": said, "finish_reason": "stop"} for n, said in enumerate(turns)]
    return httpx.Response(200, json={"choices": choices[::-1]})


async def test_a_turn_is_read_with_its_thinking_and_its_calls() -> None:
    reply = await asker(lambda body: chat(turn("4", "\nSo 4.\n", [("python", "{}")]))).chat(USER, 10)
    assert reply == Reply("4", "So 4.", (Call("c0", "python", "{}"),), "stop")


async def test_requests_are_greedy_unless_a_temperature_is_given() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> httpx.Response:
        bodies.append(body)
        return chat(turn("4"))

    await asker(answer).chat(USER, 10)
    await asker(answer).chat(USER, 10, temperature=0.8)
    assert [body["temperature"] for body in bodies] == [0, 0.8]


async def test_samples_come_in_the_order_of_their_index() -> None:
    replies = await asker(lambda body: chat(turn("a"), turn("b"))).samples(USER, 2, 10)
    assert [reply.content for reply in replies] == ["a", "b"]


@pytest.mark.parametrize("response", [httpx.Response(500, text="no"), httpx.Response(200, text="no")])
async def test_a_failure_is_a_reply_for_each_sample(response: httpx.Response) -> None:
    replies = await asker(lambda body: response).samples(USER, 3, 10)
    assert len(replies) == 3
    assert all(reply.error for reply in replies)
    rows = await asker(lambda body: response).go_on([[1], [2]], 10)
    assert [bool(reply.error) for reply in rows] == [True, True]


async def test_a_connection_that_fails_is_data_too() -> None:
    def answer(body: dict[str, Any]) -> httpx.Response:
        raise httpx.ConnectError("gone")

    assert (await asker(answer).chat(USER, 10)).error == "ConnectError: gone"


async def test_the_first_token_s_candidates_are_read_from_both_routes() -> None:
    def answer(body: dict[str, Any]) -> httpx.Response:
        if "prompt" in body:
            choice = {"index": 0, "text": "Y", "finish_reason": "length", "logprobs": {"top_logprobs": [{"Y": -0.5}]}}
        else:
            tokens = [{"top_logprobs": [{"token": "Y", "logprob": -0.5}]}]
            choice = {"index": 0, "message": turn("Y"), "finish_reason": "length", "logprobs": {"content": tokens}}
        return httpx.Response(200, json={"choices": [choice]})

    assert (await asker(answer).go_on([[1]], 1)) == [Reply("Y", finish="length", tops={"Y": -0.5})]
    assert (await asker(answer).chat(USER, 1)).tops == {"Y": -0.5}


TOOLS = Toolbox(double=("Doubles a text.", "text", lambda text: text * 2))


def caller(bodies: list[dict[str, Any]], rounds: int) -> Asker:
    """Calls twice at once in each of the first rounds, then answers."""

    def answer(body: dict[str, Any]) -> httpx.Response:
        bodies.append(body)
        if len(bodies) > rounds:
            return chat(turn("\\boxed{2}", "Done."))
        return chat(turn(None, "I call.", [("double", '{"text": "a"}'), ("double", '{"text": "b"}')]))

    return asker(answer)


async def test_parallel_calls_are_answered_in_their_order_until_the_answer_comes() -> None:
    bodies: list[dict[str, Any]] = []

    row = await converse(caller(bodies, 1), QUESTION, TOOLS, 4)

    assert row.right
    assert row.calls == 2
    _, assistant, first, second = bodies[1]["messages"]
    assert assistant["reasoning_content"] == "I call."
    assert [call["id"] for call in assistant["tool_calls"]] == [first["tool_call_id"], second["tool_call_id"]]
    assert [first["content"], second["content"]] == ["aa", "bb"]


async def test_the_history_leaves_the_thinking_out_when_told_so() -> None:
    bodies: list[dict[str, Any]] = []
    await converse(caller(bodies, 1), QUESTION, TOOLS, 4, reasoning_back=False)
    assert "reasoning_content" not in bodies[1]["messages"][1]


async def test_fields_of_the_first_request_are_not_repeated() -> None:
    bodies: list[dict[str, Any]] = []
    await converse(caller(bodies, 2), QUESTION, TOOLS, 4, first={"flyball": {}}, seed=3)
    assert ["flyball" in body for body in bodies] == [True, False, False]
    assert [body["seed"] for body in bodies] == [3, 3, 3]


async def test_a_model_that_goes_on_calling_is_wrong_after_its_rounds() -> None:
    bodies: list[dict[str, Any]] = []
    row = await converse(caller(bodies, 99), QUESTION, TOOLS, 2)
    assert len(bodies) == 3
    assert not row.right


@pytest.mark.parametrize(
    ("name", "arguments"), [("double", "{"), ("double", "[]"), ("double", "{}"), ("double", '{"text": 1}'), ("x", "{}")]
)
def test_a_call_that_cannot_be_run_has_an_error_as_its_result(name: str, arguments: str) -> None:
    (result,) = TOOLS.run([Call("c0", name, arguments)])
    assert result.startswith("Error: ")


def test_the_last_result_of_a_turn_shows_what_is_left_after_it() -> None:
    tools = Budgeted(TOOLS, Budget("Search", 0, 2))
    results = tools.run([Call("a", "double", '{"text": "a"}'), Call("b", "double", '{"text": "b"}')])
    block = "<budget>\nSearch Budget Used: 2, Search Budget Remaining: 0\n</budget>"
    assert results == ["aa", f"bb\n{block}"]
    assert tools.schemas == TOOLS.schemas


def bench(folder: Path, resume: bool = False, seed: int = 0) -> Bench:
    """Of a server that always answers."""
    parts = Parts(folder, Settings(5, seed, "w", {}), resume)
    return Bench(asker(lambda body: chat(turn("4"))), parts, train_tokenizer(["a"]), 5, seed, lambda *_: None)


async def test_a_part_is_asked_once_and_read_back_after_a_run_was_broken_off(tmp_path: Path) -> None:
    asked: list[int] = []

    async def work(item: int) -> list[Row]:
        asked.append(item)
        return [Row(str(item), "a", (Reply("r", error="broken" if item == 2 else None),))]

    first = await bench(tmp_path).ask("part", range(4), work)
    resumed = bench(tmp_path, resume=True)
    again = await resumed.ask("part", range(4), work)

    assert first == again
    assert [row.question for row in again] == ["0", "1", "2", "3"]
    assert asked == [0, 1, 2, 3]
    assert resumed.parts.errors() == {"part: broken": 1}
    assert resumed.parts.turns() == 4


async def test_a_bounded_number_is_asked_at_a_time(tmp_path: Path) -> None:
    running, most, full = 0, 0, asyncio.Event()

    async def work(item: int) -> list[Row]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == CONCURRENCY:
            full.set()
        async with asyncio.timeout(5):
            await full.wait()
        running -= 1
        return []

    await bench(tmp_path).ask("part", range(3 * CONCURRENCY), work)
    assert most == CONCURRENCY


def test_a_broken_off_run_is_neither_overwritten_nor_mixed_with_another(tmp_path: Path) -> None:
    bench(tmp_path)
    with pytest.raises(ConfigError, match="broken off"):
        bench(tmp_path)
    with pytest.raises(ConfigError, match="other settings"):
        bench(tmp_path, resume=True, seed=1)
