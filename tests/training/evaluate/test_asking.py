"""Requests and rows, against a small server in the same process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.asking import Asker
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.rows import Row, Tokens
from flyball.training.evaluate.settings import Job, Settings, block_size, blocks, define, seed_of

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

    async def rows(self, settings: Settings) -> list[Row]:
        """All that the requests of a run give; bounded."""
        found: list[Row] = []
        transport = httpx.ASGITransport(self)
        async with asyncio.timeout(20), httpx.AsyncClient(transport=transport, base_url="http://test/v1") as client:
            for block in blocks(settings.arms, QUESTIONS, settings.samples, settings.concurrency):
                await Asker(client, settings).all(block.jobs, settings.concurrency, found.append)
        return found


def completion(content: str | None, finish: str = "stop", **more: Any) -> tuple[int, Body]:
    return 200, {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish}], **more}


async def right(request: Body) -> tuple[int, Any]:
    """The answer stands in the question."""
    return completion(f"It is \\boxed{{{request['messages'][0]['content'].split()[2]}}}.")


def settings(*arms: Arm, **changes: Any) -> Settings:
    values = {
        "model": "pocket",
        "samples": 1,
        "seed": 100,
        "sampling": {},
        "concurrency": 1,
        "timeout": 10.0,
    }
    return define(QuestionSet("q.jsonl", "0", QUESTIONS), arms, **(values | changes))


# -- what is sent -----------------------------------------------------------------------------------------------------


async def test_a_request_holds_the_arms_fields() -> None:
    """The arm's own come before the run's; an arm without a block sends none; each question has a seed, sample i i more."""
    app = App(right)
    tuned = Arm("tuned", {"tools": ["python"]}, {"temperature": 0.1, "seed": 7, "model": "pocket:fast"})
    await app.rows(settings(PLAIN, tuned, samples=2, sampling={"temperature": 0.6, "max_tokens": 50}))

    messages = [{"role": "user", "content": "What is 0 + 0?"}]
    seed, of_arm = (seed_of(seed, Job(QUESTIONS[0], PLAIN, 0)) for seed in (100, 7))
    plain = {"model": "pocket", "seed": seed, "temperature": 0.6, "max_tokens": 50, "messages": messages}
    of_tuned = {
        "model": "pocket:fast",
        "seed": of_arm,
        "temperature": 0.1,
        "max_tokens": 50,
        "messages": messages,
        "flyball": {"tools": ["python"]},
    }
    assert app.requests[:2] == [plain, plain | {"seed": seed + 1}]
    assert app.requests[8:10] == [of_tuned, of_tuned | {"seed": of_arm + 1}]


def test_each_question_and_sample_has_a_seed_of_its_own_the_same_for_every_arm() -> None:
    seeds = {seed_of(0, Job(question, PLAIN, sample)) for question in QUESTIONS for sample in range(4)}

    assert len(seeds) == 4 * len(QUESTIONS)
    assert seed_of(0, Job(QUESTIONS[0], PLAIN, 1)) == seed_of(0, Job(QUESTIONS[0], TRIMR, 1))
    assert max(seeds) < 2**31 + 4


def test_arms_take_turns_in_blocks() -> None:
    """Any drift meets all arms alike, and each is alone on the server: 40 requests an arm are blocks of 16, 16 and 8."""
    questions = [Question(str(number), "?", "") for number in range(20)]
    found = blocks([PLAIN, TRIMR, FOLD], questions, samples=2, concurrency=2)

    assert block_size(2) == 16
    assert [(block.arm.name, block.number, len(block.jobs)) for block in found] == [
        *(("plain", 0, 16), ("trimr", 0, 16), ("fold", 0, 16)),
        *(("trimr", 1, 16), ("fold", 1, 16), ("plain", 1, 16)),
        *(("fold", 2, 8), ("plain", 2, 8), ("trimr", 2, 8)),
    ]
    assert [(job.question.id, job.sample) for job in found[0].jobs[:3]] == [("0", 0), ("0", 1), ("1", 0)]
    assert len({job.key for block in found for job in block.jobs}) == 120


async def test_as_many_requests_run_at_a_time_as_were_asked_for() -> None:
    """Two meet inside the server, which a sequential run would never bring about; a third is never there."""
    inside, most, met = 0, 0, asyncio.Barrier(2)

    async def answer(request: Body) -> tuple[int, Any]:
        nonlocal inside, most
        inside, most = inside + 1, max(most, inside + 1)
        await met.wait()
        inside -= 1
        return await right(request)

    rows = await App(answer).rows(settings(PLAIN, TRIMR, FOLD, concurrency=2))
    assert len(rows) == 12
    assert most == 2


# -- what comes back --------------------------------------------------------------------------------------------------


async def test_a_row_holds_what_the_server_told() -> None:
    """Tokens by kind, usage, ledger, what acted, and the trace id."""
    flyball = {
        "trace_id": "t-1",
        "tokens": {"kept": 30, "thinking": 20, "injected": 4, "dropped": 5, "auxiliary": 6},
        "ledger": {"tokens": {"spent": 41.0}},
        "acted": [{"controller": "trimr"}],
    }
    usage = {
        "prompt_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens": 30,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }

    async def answer(request: Body) -> tuple[int, Any]:
        return completion("\\boxed{0}", "length", usage=usage, flyball=flyball)

    first, second, *_ = await App(answer).rows(settings(PLAIN))
    assert first == Row(
        question="q0",
        arm="plain",
        sample=0,
        seed=seed_of(100, Job(QUESTIONS[0], PLAIN, 0)),
        seconds=first.seconds,
        content="\\boxed{0}",
        finish="length",
        prompt_tokens=9,
        cached_tokens=8,
        completion_tokens=30,
        reasoning_tokens=20,
        tokens=Tokens(kept=30, thinking=20, injected=4, dropped=5, auxiliary=6),
        acted=[{"controller": "trimr"}],
        ledger={"tokens": {"spent": 41.0}},
        trace_id="t-1",
    )
    assert first.sampled == 41
    assert second.question == "q1"


async def test_a_foreign_server_tells_no_token_kinds() -> None:
    """Nothing is made up for it."""
    row, *_ = await App(right).rows(settings(PLAIN))

    assert row.content == "It is \\boxed{0}."
    assert (row.tokens, row.ledger, row.trace_id, row.completion_tokens, row.sampled) == (None,) * 5


async def test_a_response_without_content_is_no_failure() -> None:
    """Thinking that used up all tokens leaves no answer."""

    async def answer(request: Body) -> tuple[int, Any]:
        return completion(None, "length")

    rows = await App(answer).rows(settings(PLAIN))
    assert [(row.content, row.error, row.finish) for row in rows] == [("", None, "length")] * 4


async def test_errors_are_data_and_stop_nothing() -> None:
    """Each failing request is a row that says why; the others are as they would have been."""

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
    assert [row.content for row in rows if row.question == "q3"] == ["It is \\boxed{3}."]


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
