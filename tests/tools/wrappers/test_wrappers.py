"""What each wrapper adds to a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from flyball.core.errors import ConfigError, ToolError
from flyball.core.ledger import Ledger
from flyball.tools.cutting import cut_middle
from flyball.tools.result import Image, Result, Status, Usage
from flyball.tools.tool import CallContext, Tool, ToolSpec
from flyball.tools.wrappers.approval import Approval
from flyball.tools.wrappers.base import Wrapper
from flyball.tools.wrappers.breaker import Breaker
from flyball.tools.wrappers.cache import Cache
from flyball.tools.wrappers.charge import Charge
from flyball.tools.wrappers.checked import Checked
from flyball.tools.wrappers.concurrency import Concurrency
from flyball.tools.wrappers.guard import Guard
from flyball.tools.wrappers.output_cap import OutputCap
from flyball.tools.wrappers.retry import Retry
from flyball.tools.wrappers.timeout import Timeout

from ..doubles import Probe, context, infra, limited, ok, pure, read_only


class Clock:
    """Time that passes when told to; a sleep takes no time to wait for, and is kept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def now() -> float:
    return asyncio.get_running_loop().time()


async def yes(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
    return True


@pytest.mark.parametrize(
    "wrap",
    [
        Wrapper,
        Guard,
        Checked,
        Timeout,
        Retry,
        Cache,
        Concurrency,
        OutputCap,
        Breaker,
        Charge,
        lambda tool: Approval(tool, yes),
    ],
)
async def test_a_wrapper_is_a_tool_that_hands_everything_on(wrap: Callable[[Tool], Tool]) -> None:
    probe = pure(name="inner")
    wrapped = wrap(probe)

    result = await wrapped.call({"a": 1}, context("mine", call_id="c1"))
    await wrapped.end_session("mine")
    await wrapped.close()

    assert wrapped.spec is probe.spec
    assert (result.status, result.text) == (Status.OK, "answer 1")
    assert probe.asked == [{"a": 1}]
    assert (probe.contexts[0].session, probe.contexts[0].call_id) == ("mine", "c1")
    assert (probe.ended, probe.closed) == (["mine"], True)


# -- guard and check --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ToolError("no such page"), Status.USER_ERROR, "no such page"),
        (ValueError("secret"), Status.INFRA, "The tool 'probe' failed. This was not caused by your call."),
    ],
)
async def test_a_guarded_tool_raises_nothing(error: Exception, status: Status, text: str) -> None:
    def fail(_: object) -> Result:
        raise error

    result = await Guard(Probe(fail)).call({}, context())
    assert (result.status, result.text) == (status, text)


async def test_cancelling_goes_through_a_guard() -> None:
    started = asyncio.Event()

    async def hang() -> Result:
        started.set()
        await asyncio.Event().wait()
        return ok()

    call = asyncio.create_task(Guard(Probe(lambda _: hang())).call({}, context()))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_wrong_arguments_never_reach_the_tool() -> None:
    probe = Probe(parameters={"properties": {"n": {"type": "integer"}}})
    result = await Checked(probe).call({"n": "x"}, context())

    assert (result.status, probe.count) == (Status.USER_ERROR, 0)
    assert result.text == "The call of 'probe' is wrong: argument 'n': expected integer, got \"x\"."


async def test_arguments_arrive_as_the_check_read_them() -> None:
    probe = Probe(parameters={"properties": {"n": {"type": "integer"}}})
    await Checked(probe).call({"n": "7"}, context())
    assert probe.asked == [{"n": 7}]


# -- timeout ----------------------------------------------------------------------------------------------------------


async def hang(_: object = None) -> Result:
    await asyncio.Event().wait()
    return ok()


async def test_a_call_that_takes_too_long_is_stopped() -> None:
    stopped = asyncio.Event()

    async def work() -> Result:
        try:
            return await hang()
        finally:
            stopped.set()

    result = await Timeout(Probe(lambda _: work(), timeout=0.01)).call({}, context())
    assert result.status is Status.TIMEOUT
    assert "'probe' was stopped" in result.text
    assert result.usage.seconds >= 0.01
    assert stopped.is_set()


async def test_the_callers_deadline_counts_when_it_comes_first() -> None:
    result = await Timeout(Probe(hang, timeout=1000)).call({}, context(deadline=now() + 0.01))
    assert result.status is Status.TIMEOUT


async def test_a_call_without_time_left_is_not_made() -> None:
    probe = Probe()
    result = await Timeout(probe).call({}, context(deadline=now() - 1))
    assert (result.status, probe.count) == (Status.TIMEOUT, 0)


async def test_the_tool_is_told_its_deadline() -> None:
    probe = Probe(timeout=7)
    await Timeout(probe).call({}, context())
    assert now() < probe.contexts[0].deadline <= now() + 7


async def test_a_timeout_error_of_the_tool_itself_is_not_taken_for_ours() -> None:
    def fail(_: object) -> Result:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Timeout(Probe(fail)).call({}, context())


# -- retry ------------------------------------------------------------------------------------------------------------


def after(failures: int) -> Callable[[object], Result]:
    """Fails so many times, then works."""
    left = iter([infra()] * failures)
    return lambda _: next(left, ok())


async def test_a_failed_call_is_made_again_with_growing_pauses() -> None:
    clock = Clock()
    probe = read_only(after(2))
    retry = Retry(probe, attempts=4, backoff=0.1, sleep=clock.sleep, chance=lambda: 1.0)

    assert (await retry.call({}, context())).ok
    assert probe.count == 3
    assert clock.slept == pytest.approx([0.1, 0.2])


async def test_pauses_are_drawn_between_a_half_and_the_whole() -> None:
    clock = Clock()
    await Retry(read_only(after(1)), backoff=0.1, sleep=clock.sleep, chance=lambda: 0.0).call({}, context())
    assert clock.slept == pytest.approx([0.05])


async def test_after_the_last_attempt_the_failure_is_the_answer() -> None:
    clock = Clock()
    probe = read_only(after(99))
    result = await Retry(probe, attempts=3, sleep=clock.sleep).call({}, context())
    assert (result.status, probe.count, len(clock.slept)) == (Status.INFRA, 3, 2)


@pytest.mark.parametrize("status", [Status.OK, Status.USER_ERROR, Status.TIMEOUT, Status.OOM])
async def test_only_failures_without_fault_are_tried_again(status: Status) -> None:
    probe = read_only(lambda _: Result(status, ""))
    assert (await Retry(probe).call({}, context())).status is status
    assert probe.count == 1


async def test_nothing_is_tried_again_when_the_pause_would_outlast_the_deadline() -> None:
    clock = Clock()
    probe = read_only(after(1))
    result = await Retry(probe, backoff=100, sleep=clock.sleep).call({}, context(deadline=now() + 10))
    assert (result.status, probe.count, clock.slept) == (Status.INFRA, 1, [])


def test_a_tool_with_side_effects_cannot_be_repeated() -> None:
    with pytest.raises(ConfigError, match="side effects"):
        Retry(Probe())


# -- cache ------------------------------------------------------------------------------------------------------------


async def test_an_equal_call_is_answered_from_memory() -> None:
    probe = pure(lambda _: Result(Status.OK, "4", usage=Usage(3.0, usd=1.0)))
    cache = Cache(probe)
    first = await cache.call({"a": 1, "b": 2}, context())
    second = await cache.call({"b": 2, "a": 1}, context())

    assert probe.count == 1
    assert not first.repeated
    assert second == replace(first, repeated=True, usage=Usage())


async def test_different_calls_are_not_equal() -> None:
    probe = pure()
    cache = Cache(probe)
    answers = {(await cache.call({"a": value}, context())).text for value in (1, 1.0, "1", True)}
    assert len(answers) == 4


@pytest.mark.parametrize(("shared", "calls"), [(False, 2), (True, 1)])
async def test_sessions_share_answers_only_when_told_to(shared: bool, calls: int) -> None:
    probe = pure()
    cache = Cache(probe, shared=shared)
    for session in ("a", "b"):
        await cache.call({}, context(session))
    assert probe.count == calls


async def test_a_sessions_answers_are_forgotten_with_it() -> None:
    probe = pure()
    cache = Cache(probe)
    for session in ("a", "b"):
        await cache.call({}, context(session))
    await cache.end_session("a")
    for session in ("a", "b"):
        await cache.call({}, context(session))
    assert probe.count == 3
    assert cache.bytes > 0
    await cache.end_session("a")
    await cache.end_session("b")
    assert cache.bytes == 0


async def test_failures_are_not_kept() -> None:
    probe = pure(after(1))
    cache = Cache(probe)
    assert [(await cache.call({}, context())).status for _ in range(2)] == [Status.INFRA, Status.OK]


async def test_what_was_used_longest_ago_goes_first() -> None:
    probe = pure()
    cache = Cache(probe, most=2)
    for value in (1, 2, 1, 3, 1, 2):
        await cache.call({"a": value}, context())
    assert [arguments["a"] for arguments in probe.asked] == [1, 2, 3, 2]


async def test_answers_take_no_more_memory_than_allowed() -> None:
    probe = pure(lambda arguments: ok("x" * arguments["size"]))
    cache = Cache(probe, most_bytes=10_000)
    for size in (4000, 4001, 4002):
        await cache.call({"size": size}, context())
        assert cache.bytes <= 10_000
    await cache.call({"size": 4002}, context())
    assert probe.count == 3
    await cache.call({"size": 100_000}, context())
    assert cache.bytes <= 10_000


async def test_pictures_count_as_memory() -> None:
    probe = pure(lambda _: Result(Status.OK, "", (Image("image/png", bytes(20_000)),)))
    cache = Cache(probe, most_bytes=10_000)
    await cache.call({}, context())
    assert cache.bytes == 0


def test_only_a_pure_tool_can_be_cached() -> None:
    with pytest.raises(ConfigError, match="not pure"):
        Cache(read_only())


# -- concurrency ------------------------------------------------------------------------------------------------------


class Gate:
    """A tool whose calls stay inside until they are let out."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.open = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def work(self) -> Result:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()
        await self.open.wait()
        self.inside -= 1
        return ok()


async def test_no_more_calls_run_at_once_than_the_limit() -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=2)
    calls = [asyncio.create_task(limit.call({}, context())) for _ in range(6)]
    for _ in range(2):
        await asyncio.wait_for(gate.entered.acquire(), 5)
    assert gate.inside == 2

    gate.open.set()
    assert all(result.ok for result in await asyncio.gather(*calls))
    assert gate.most == 2


@pytest.mark.parametrize(("wait", "seconds"), [(0.01, 1000.0), (1000.0, 0.01)], ids=["wait", "deadline"])
async def test_a_call_that_waits_too_long_is_told_that_the_tool_is_busy(wait: float, seconds: float) -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=1, wait=wait)
    running = asyncio.create_task(limit.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)

    result = await limit.call({}, context(deadline=now() + seconds))
    assert (result.status, result.text) == (
        Status.INFRA,
        "'probe' is busy with other calls. Try again later.",
    )
    gate.open.set()
    assert (await running).ok


async def test_a_call_that_raises_or_is_cancelled_makes_room() -> None:
    gate = Gate()
    limit = Concurrency(Probe(lambda _: gate.work()), limit=1, wait=5)
    running = asyncio.create_task(limit.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    gate.open.set()
    assert (await limit.call({}, context())).ok


# -- output cap -------------------------------------------------------------------------------------------------------


def test_the_middle_of_a_long_text_is_cut_out_and_counted() -> None:
    assert cut_middle("abcdefghij", 4) == "ab\n[... 6 characters cut out ...]\nij"
    assert cut_middle("abcdefghij", 5) == "abc\n[... 5 characters cut out ...]\nij"
    assert cut_middle("abcdefghij", 10) == "abcdefghij"
    assert cut_middle("abc", 1) == "a\n[... 2 characters cut out ...]\n"


async def test_a_long_result_is_cut_and_its_json_left_out() -> None:
    long = Result(Status.OK, "[" + "1," * 500 + "1]", structured=[1] * 501)
    result = await OutputCap(Probe(lambda _: long), characters=100).call({}, context())
    assert len(result.text) < 150
    assert "903 characters cut out" in result.text
    assert result.structured is None


async def test_a_short_result_is_left_as_it_is() -> None:
    short = Result(Status.OK, "[1]", (Image("image/png", b"x"),), structured=[1])
    assert await OutputCap(Probe(lambda _: short)).call({}, context()) == short


async def test_pictures_beyond_the_limit_are_left_out_and_said_so() -> None:
    images = tuple(Image("image/png", bytes(size)) for size in (60, 60, 30))
    result = await OutputCap(Probe(lambda _: Result(Status.OK, "", images)), image_bytes=100).call({}, context())
    assert [len(image.data) for image in result.images] == [60, 30]
    assert result.text == "\n[1 of 3 pictures left out: too large]"


# -- breaker ----------------------------------------------------------------------------------------------------------


async def test_a_tool_that_keeps_failing_is_left_alone_then_tried_once() -> None:
    clock, works = Clock(), False
    probe = Probe(lambda _: ok() if works else infra())
    breaker = Breaker(probe, failures=3, cooldown=10, clock=clock)

    for _ in range(5):
        result = await breaker.call({}, context())
    assert (result.status, probe.count) == (Status.INFRA, 3)
    assert result.text == "'probe' is out of order for the moment. Go on without it."

    clock.now = 10
    await breaker.call({}, context())
    await breaker.call({}, context())
    assert probe.count == 4  # one try, which failed: the cooldown began anew

    clock.now, works = 20, True
    assert (await breaker.call({}, context())).ok
    assert (await breaker.call({}, context())).ok


async def test_while_one_call_tries_others_are_still_refused() -> None:
    clock, gate, broken = Clock(), Gate(), True
    probe = Probe(lambda _: infra() if broken else gate.work())
    breaker = Breaker(probe, failures=1, cooldown=10, clock=clock)
    await breaker.call({}, context())
    clock.now, broken = 10, False

    trying = asyncio.create_task(breaker.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    assert (await breaker.call({}, context())).status is Status.INFRA
    gate.open.set()
    assert (await trying).ok


async def test_a_try_that_is_cancelled_lets_the_next_one_try() -> None:
    clock, gate, broken = Clock(), Gate(), True
    breaker = Breaker(Probe(lambda _: infra() if broken else gate.work()), failures=1, cooldown=10, clock=clock)
    await breaker.call({}, context())
    clock.now, broken = 10, False

    trying = asyncio.create_task(breaker.call({}, context()))
    await asyncio.wait_for(gate.entered.acquire(), 5)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    gate.open.set()
    assert (await breaker.call({}, context())).ok


@pytest.mark.parametrize("status", [Status.OK, Status.USER_ERROR, Status.TIMEOUT, Status.OOM])
async def test_what_callers_do_wrong_is_no_failure_of_the_tool(status: Status) -> None:
    """And it ends a row of failures, as the tool answered."""
    answers = iter([infra(), Result(status, ""), infra(), Result(status, ""), infra(), ok("still there")])
    breaker = Breaker(Probe(lambda _: next(answers)), failures=2)
    for _ in range(5):
        await breaker.call({}, context())
    assert (await breaker.call({}, context())).text == "still there"


# -- charge -----------------------------------------------------------------------------------------------------------


async def test_calls_are_counted_and_those_beyond_the_budget_refused() -> None:
    probe = Probe(name="python")
    charge = Charge(probe, others=lambda: ["python", "search", "fetch", "mail"])
    asked = limited(python=2, search=3, mail=0)

    results = [await charge.call({}, asked) for _ in range(3)]
    assert [result.status for result in results] == [Status.OK, Status.OK, Status.USER_ERROR]
    assert results[2].text == "The budget allows no more calls of 'python' (2 used). Left: search 3, fetch."
    assert probe.count == 2
    assert asked.ledger.spent("tool_calls.python") == 2


async def test_a_refusal_when_nothing_is_left_says_to_answer() -> None:
    charge = Charge(Probe(name="python"), others=lambda: ["python"])
    result = await charge.call({}, limited(python=0))
    assert result.text == "The budget allows no more calls of 'python' (0 used). Answer with what you have."


async def test_the_price_is_paid_before_the_call_and_refused_when_too_high() -> None:
    probe = Probe(usd=0.04)
    ledger = Ledger({"usd": 0.1})
    results = [await Charge(probe).call({}, context(ledger=ledger)) for _ in range(3)]

    assert [result.status for result in results] == [Status.OK, Status.OK, Status.USER_ERROR]
    assert "costs $0.04; $0.02 of the budget are left" in results[2].text
    assert ledger.spent("usd") == pytest.approx(0.08)
    assert results[0].usage.usd == 0.04


async def test_a_call_dearer_than_its_price_is_booked_as_it_is() -> None:
    ledger = Ledger()
    charge = Charge(Probe(lambda _: Result(Status.OK, "", usage=Usage(usd=0.5)), usd=0.1))
    assert (await charge.call({}, context(ledger=ledger))).usage.usd == 0.5
    assert ledger.spent("usd") == pytest.approx(0.5)


async def test_a_failure_that_is_nobodys_fault_is_not_counted_as_a_call() -> None:
    asked = limited(probe=1)
    charge = Charge(Probe(after(2)))
    assert [(await charge.call({}, asked)).status for _ in range(3)] == [Status.INFRA, Status.INFRA, Status.OK]
    assert asked.ledger.remaining("tool_calls.probe") == 0


async def test_a_budget_holds_for_calls_at_the_same_time() -> None:
    gate, asked = Gate(), limited(probe=2)
    charge = Charge(Probe(lambda _: gate.work()))
    calls = [asyncio.create_task(charge.call({}, asked)) for _ in range(5)]
    for _ in range(2):
        await asyncio.wait_for(gate.entered.acquire(), 5)
    gate.open.set()
    assert sorted(result.status for result in await asyncio.gather(*calls)) == ["ok", "ok"] + ["user_error"] * 3


# -- approval ---------------------------------------------------------------------------------------------------------


async def test_a_call_that_is_not_approved_is_not_made() -> None:
    probe, seen = Probe(), []

    async def no(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        seen.append((spec.name, arguments, context.session))
        return False

    result = await Approval(probe, no).call({"a": 1}, context())
    assert (result.status, probe.count) == (Status.USER_ERROR, 0)
    assert "was not approved" in result.text
    assert seen == [("probe", {"a": 1}, "s")]


async def test_nobody_answering_in_time_is_a_no() -> None:
    async def absent(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        return bool(await hang())

    probe = Probe()
    result = await Approval(probe, absent).call({}, context(deadline=now() + 0.01))
    assert (result.status, probe.count) == (Status.TIMEOUT, 0)
    assert "Nobody approved" in result.text


async def test_an_approval_that_fails_lets_nothing_through() -> None:
    async def broken(spec: ToolSpec, arguments: Mapping[str, Any], context: CallContext) -> bool:
        raise TimeoutError

    probe = Probe()
    with pytest.raises(TimeoutError):
        await Approval(probe, broken).call({}, context(deadline=now() + 100))
    assert probe.count == 0
