"""A run's requests and rows, against a small server in the same process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.rows import Row, Tokens
from flyball.training.evaluate.run import run
from flyball.training.evaluate.settings import Settings, define

Body = dict[str, Any]
Answer = Callable[[Body], Awaitable[tuple[int, Any]]]

QUESTIONS = [Question(f"q{number}", f"What is {number} + 0?", str(number)) for number in range(4)]
PLAIN, TRIMR, FOLD = Arm("plain"), Arm("trimr", {"controllers": [{"name": "trimr"}]}), Arm("fold", {"tools": []})


class App:
    """An ASGI server that answers POST /v1/chat/completions by a function and keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Body] = []
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (scope["method"], scope["path"]) == ("POST", "/v1/chat/completions")
        request = json.loads((await receive())["body"])
        self.requests.append(request)
        status, body = await self._answer(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})

    async def rows(self, settings: Settings, done: set[tuple[str, str, int]] | None = None) -> list[Row]:
        """All that a run gives; bounded."""
        found: list[Row] = []
        transport = httpx.ASGITransport(self)
        async with asyncio.timeout(20), httpx.AsyncClient(transport=transport, base_url="http://test/v1") as client:
            await run(client, settings, QUESTIONS, found.append, done or set())
        return found


def completion(content: str | None, finish: str = "stop", **more: Any) -> tuple[int, Body]:
    return 200, {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish}], **more}


async def right(request: Body) -> tuple[int, Any]:
    """The answer stands in the question."""
    return completion(f"It is \\boxed{{{request['messages'][0]['content'].split()[2]}}}.")


def settings(*arms: Arm, **changes: Any) -> Settings:
    values = {
        "model": "pocket",
        "grader": "boxed_exact",
        "samples": 1,
        "seed": 100,
        "sampling": {},
        "concurrency": 1,
        "timeout": 10.0,
    }
    return define(QuestionSet("q.jsonl", "0", QUESTIONS), arms, **(values | changes))


# -- what is sent -----------------------------------------------------------------------------------------------------


async def test_a_request_holds_the_arms_fields() -> None:
    """The arm's own come before the run's; an arm without a block sends none; sample i has seed + i."""
    app = App(right)
    tuned = Arm("tuned", {"tools": ["python"]}, {"temperature": 0.1, "seed": 7, "model": "pocket:fast"})
    await app.rows(settings(PLAIN, tuned, samples=2, sampling={"temperature": 0.6, "max_tokens": 50}))

    messages = [{"role": "user", "content": "What is 0 + 0?"}]
    plain = {"model": "pocket", "seed": 100, "temperature": 0.6, "max_tokens": 50, "messages": messages}
    of_tuned = {
        "model": "pocket:fast",
        "seed": 7,
        "temperature": 0.1,
        "max_tokens": 50,
        "messages": messages,
        "flyball": {"tools": ["python"]},
    }
    assert app.requests[:4] == [plain, of_tuned, of_tuned | {"seed": 8}, plain | {"seed": 101}]


async def test_arms_are_interleaved_question_by_question() -> None:
    """Any drift meets all arms alike: each question's arms stand side by side, and each is first in its turn."""
    app = App(right)
    await app.rows(settings(PLAIN, TRIMR, FOLD, samples=2))

    sent = [(body["messages"][0]["content"], body["seed"], str(body.get("flyball"))) for body in app.requests]
    groups = [sent[start : start + 3] for start in range(0, len(sent), 3)]
    assert [{(question, seed) for question, seed, _ in group} for group in groups] == [
        {(question.question, seed)} for question in QUESTIONS for seed in (100, 101)
    ]
    blocks = {str(arm.flyball) for arm in (PLAIN, TRIMR, FOLD)}
    assert all({block for _, _, block in group} == blocks for group in groups)
    assert {group[0][2] for group in groups} == blocks


async def test_as_many_requests_run_at_a_time_as_were_asked_for() -> None:
    """Three meet inside the server, which a sequential run would never bring about; a fourth is never there."""
    inside, most, met = 0, 0, asyncio.Barrier(3)

    async def answer(request: Body) -> tuple[int, Any]:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        await met.wait()
        inside -= 1
        return await right(request)

    rows = await App(answer).rows(settings(PLAIN, TRIMR, FOLD, concurrency=3))
    assert len(rows) == 12
    assert most == 3


# -- what comes back --------------------------------------------------------------------------------------------------


async def test_a_row_holds_what_the_server_told() -> None:
    """Tokens by kind, usage, ledger, what acted, and the trace id."""
    flyball = {
        "trace_id": "t-1",
        "tokens": {"kept": 30, "thinking": 20, "injected": 4, "dropped": 5, "auxiliary": 6},
        "ledger": {"tokens": {"spent": 41.0}},
        "acted": [{"controller": "trimr"}],
    }
    usage = {"prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}}

    async def answer(request: Body) -> tuple[int, Any]:
        return completion("\\boxed{0}", "length", usage=usage, flyball=flyball)

    first, second, *_ = await App(answer).rows(settings(PLAIN))
    assert first == Row(
        question="q0",
        arm="plain",
        sample=0,
        seed=100,
        correct=True,
        seconds=first.seconds,
        content="\\boxed{0}",
        finish="length",
        prompt_tokens=9,
        completion_tokens=30,
        reasoning_tokens=20,
        tokens=Tokens(kept=30, thinking=20, injected=4, dropped=5, auxiliary=6),
        acted=[{"controller": "trimr"}],
        ledger={"tokens": {"spent": 41.0}},
        trace_id="t-1",
    )
    assert first.tokens is not None
    assert first.tokens.total == 41
    assert not second.correct


async def test_a_foreign_server_tells_no_token_kinds() -> None:
    """Nothing is made up for it."""
    row, *_ = await App(right).rows(settings(PLAIN))

    assert row.correct
    assert (row.tokens, row.ledger, row.trace_id, row.completion_tokens) == (None, None, None, None)


async def test_a_response_without_content_is_wrong() -> None:
    """Thinking that used up all tokens leaves no answer; that is no error."""

    async def answer(request: Body) -> tuple[int, Any]:
        return completion(None, "length")

    rows = await App(answer).rows(settings(PLAIN))
    assert [(row.correct, row.error, row.finish) for row in rows] == [(False, None, "length")] * 4


async def test_errors_are_data_and_stop_nothing() -> None:
    """Each failing request is a wrong row that says why; the others are as they would have been."""

    async def answer(request: Body) -> tuple[int, Any]:
        match request["messages"][0]["content"].split()[2]:
            case "0":
                return 400, {"error": {"message": "no such controller"}}
            case "1":
                return 200, b"<html>"
            case "2":
                raise httpx.ReadError("connection lost")
            case _:
                return await right(request)

    rows = await App(answer).rows(settings(PLAIN, concurrency=2))
    errors = {row.question: row.error for row in rows}
    assert errors["q0"] == "HTTP 400: no such controller"
    assert str(errors["q1"]).startswith("not a chat completion")
    assert errors["q2"] == "ReadError: connection lost"
    assert errors["q3"] is None
    assert {row.question: row.correct for row in rows} == {"q0": False, "q1": False, "q2": False, "q3": True}


async def test_an_error_body_of_another_form_is_kept_as_it_is() -> None:
    """A proxy in between answers in its own words."""

    async def answer(request: Body) -> tuple[int, Any]:
        return 502, b"bad gateway"

    rows = await App(answer).rows(settings(PLAIN))
    assert {row.error for row in rows} == {"HTTP 502: bad gateway"}


async def test_a_response_without_choices_is_an_error() -> None:
    """There is nothing in it to grade."""

    async def answer(request: Body) -> tuple[int, Any]:
        return 200, {"choices": []}

    rows = await App(answer).rows(settings(PLAIN))
    assert all(str(row.error).startswith("not a chat completion") for row in rows)


async def test_a_request_that_takes_too_long_is_an_error() -> None:
    """Also on a server in the same process, which no socket bounds."""

    async def answer(request: Body) -> tuple[int, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    rows = await App(answer).rows(settings(PLAIN, timeout=0.01))
    assert {row.error for row in rows} == {"no response within 0.01 s"}


async def test_a_failing_grader_is_an_error_of_its_row() -> None:
    """The response is kept, so that it can be graded again."""
    rows = await App(right).rows(settings(PLAIN, grader="operator.truediv"))

    assert all(str(row.error).startswith("grader: TypeError") for row in rows)
    assert all(row.content and not row.correct for row in rows)


async def test_what_is_done_is_not_asked_again() -> None:
    """A resumed run sends only the rest."""
    app = App(right)
    done = {(question.id, "plain", 0) for question in QUESTIONS[:3]} | {("q3", "trimr", 0)}
    rows = await app.rows(settings(PLAIN, TRIMR), done)

    assert {row.key for row in rows} == {("q0", "trimr", 0), ("q1", "trimr", 0), ("q2", "trimr", 0), ("q3", "plain", 0)}
    assert len(app.requests) == 4
