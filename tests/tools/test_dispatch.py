"""The calls of a message: at the same time, in order, none lost, equal ones once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flyball.tools.dispatch import Call, Dispatcher
from flyball.tools.result import Image, Result, Status
from flyball.tools.tool import Effect

from .doubles import Probe, context, infra, ok, pure


def dispatcher(*tools: Probe) -> Dispatcher:
    return Dispatcher({tool.spec.name: tool for tool in tools})


def calls(*arguments: Any, name: str = "probe") -> list[Call]:
    return [Call(f"c{number}", name, given) for number, given in enumerate(arguments)]


# -- together, in order -----------------------------------------------------------------------------------------------


async def test_all_calls_of_a_message_run_at_the_same_time() -> None:
    """Each waits until all three are inside: one after the other would never end."""
    barrier = asyncio.Barrier(3)

    async def meet(arguments: dict[str, Any]) -> Result:
        await barrier.wait()
        return ok(arguments["who"])

    async with asyncio.timeout(5):
        results = await dispatcher(Probe(meet)).run(calls({"who": "a"}, {"who": "b"}, {"who": "c"}), context())
    assert [result.text for result in results] == ["a", "b", "c"]


async def test_results_stand_in_the_order_of_the_calls_whichever_ends_first() -> None:
    ended = [asyncio.Event() for _ in range(4)]
    order: list[int] = []

    async def after_the_next(arguments: dict[str, Any]) -> Result:
        n = arguments["n"]
        await ended[n + 1].wait()
        order.append(n)
        ended[n].set()
        return ok(str(n))

    ended[3].set()
    async with asyncio.timeout(5):
        results = await dispatcher(Probe(after_the_next)).run(calls(*({"n": n} for n in range(3))), context())
    assert order == [2, 1, 0]
    assert [result.text for result in results] == ["0", "1", "2"]


async def test_one_failure_does_not_drop_the_others() -> None:
    """Also when it is there while the others still run."""
    failed = asyncio.Event()

    async def work(arguments: dict[str, Any]) -> Result:
        if arguments["n"] == 1:
            failed.set()
            raise RuntimeError("broken")
        await failed.wait()
        return ok(str(arguments["n"]))

    async with asyncio.timeout(5):
        results = await dispatcher(Probe(work)).run(calls(*({"n": n} for n in range(3))), context())
    assert [(result.status, result.text) for result in results] == [
        (Status.OK, "0"),
        (Status.INFRA, "The tool 'probe' failed. This was not caused by your call."),
        (Status.OK, "2"),
    ]


async def test_cancelling_stops_every_call() -> None:
    barrier, stopped = asyncio.Barrier(3), []

    async def work(arguments: dict[str, Any]) -> Result:
        try:
            await barrier.wait()
            await asyncio.Event().wait()
        finally:
            stopped.append(arguments["n"])
        return ok()

    running = asyncio.create_task(dispatcher(Probe(work)).run(calls({"n": 0}, {"n": 1}), context()))
    async with asyncio.timeout(5):
        await barrier.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert sorted(stopped) == [0, 1]


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_of_the_tool() -> None:
    """Some clients raise it in their caller when a connection dies; it must not end the whole trajectory."""

    async def die() -> Result:
        raise asyncio.CancelledError

    died, other = await dispatcher(Probe(lambda _: die()), Probe(name="other")).run(
        [Call("1", "probe", ""), Call("2", "other", "")], context()
    )
    assert (died.status, other.status) == (Status.INFRA, Status.OK)


async def test_a_call_is_told_its_id_and_its_session() -> None:
    probe = Probe()
    await dispatcher(probe).run([Call("call_7", "probe", "")], context("mine"))
    assert (probe.contexts[0].call_id, probe.contexts[0].session) == ("call_7", "mine")


async def test_no_calls_give_no_results() -> None:
    assert await dispatcher(Probe()).run([], context()) == []


# -- equal calls ------------------------------------------------------------------------------------------------------


async def test_equal_calls_with_side_effects_run_as_often_as_they_were_made() -> None:
    probe = Probe(effect=Effect.SIDE_EFFECTS)
    results = await dispatcher(probe).run(calls({"a": 1}, {"a": 1}), context())

    assert probe.count == 2
    assert [result.repeated for result in results] == [False, False]


@pytest.mark.parametrize("effect", [Effect.PURE, Effect.READ_ONLY])
async def test_equal_calls_in_one_message_run_once(effect: Effect) -> None:
    probe = Probe(effect=effect)
    first, second, other = await dispatcher(probe).run(calls('{"a":1,"b":2}', {"b": 2, "a": 1}, {"a": 2}), context())

    assert probe.count == 2
    assert (first.text, first.repeated) == ("answer 1", False)
    assert second.repeated
    assert second.text == "answer 1\n[You made this call twice in one message; it was run once.]"
    assert not other.repeated


async def test_a_pure_tool_is_not_asked_twice_in_a_trajectory() -> None:
    probe = pure()
    trajectory = dispatcher(probe)
    await trajectory.run(calls({"a": 1}), context())
    (again, other) = await trajectory.run(calls({"a": 1}, {"a": 2}), context())

    assert probe.count == 2
    assert again.repeated
    assert again.text == "answer 1\n[You made this call before; this is the same answer.]"
    assert again.usage.seconds == 0
    assert (other.text, other.repeated) == ("answer 2", False)


async def test_the_note_is_not_piled_up() -> None:
    trajectory = dispatcher(pure())
    for _ in range(3):
        results = await trajectory.run(calls({}, {}), context())
    assert results[0].text.count("[") == results[1].text.count("[") == 1


@pytest.mark.parametrize("effect", [Effect.READ_ONLY, Effect.SIDE_EFFECTS])
async def test_other_tools_are_asked_again(effect: Effect) -> None:
    probe = Probe(effect=effect)
    trajectory = dispatcher(probe)
    for _ in range(2):
        await trajectory.run(calls({}), context())
    assert probe.count == 2


async def test_a_failure_is_not_remembered() -> None:
    answers = iter([infra(), ok("back")])
    trajectory = dispatcher(pure(lambda _: next(answers)))
    await trajectory.run(calls({}), context())
    (result,) = await trajectory.run(calls({}), context())
    assert (result.text, result.repeated) == ("back", False)


async def test_trajectories_do_not_share_answers() -> None:
    probe = pure()
    for _ in range(2):
        await dispatcher(probe).run(calls({}), context())
    assert probe.count == 2


async def test_a_trajectory_remembers_so_many_answers_at_most() -> None:
    probe = pure()
    trajectory = dispatcher(probe)
    for n in range(257):
        await trajectory.run(calls({"n": n}), context())
    await trajectory.run(calls({"n": 256}, {"n": 0}), context())
    assert probe.count == 258  # the oldest was forgotten, the newest not


async def test_a_trajectory_remembers_no_answers_of_any_size() -> None:
    probe = pure(lambda _: Result(Status.OK, "", (Image("image/png", bytes(9 * 1024 * 1024)),)))
    trajectory = dispatcher(probe)
    for _ in range(2):
        await trajectory.run(calls({}), context())
    assert probe.count == 2


# -- calls that cannot be made ----------------------------------------------------------------------------------------


async def test_an_unknown_tool_is_answered_with_near_names() -> None:
    tools = dispatcher(Probe(name="search_files"), Probe(name="python"))
    wrong, right = await tools.run([Call("1", "search_file", ""), Call("2", "python", "")], context())
    assert (wrong.status, wrong.text) == (
        Status.USER_ERROR,
        "There is no tool 'search_file'. Did you mean search_files?",
    )
    assert right.ok


@pytest.mark.parametrize(("tools", "says"), [([Probe(name="python")], "There are: python."), ([], "There are: none.")])
async def test_an_unknown_tool_like_no_other_is_answered_with_what_there_is(tools: list[Probe], says: str) -> None:
    (result,) = await dispatcher(*tools).run([Call("1", "x" * 10_000, "")], context())
    assert result.text == f"There is no tool '{'x' * 64}'. {says}"


@pytest.mark.parametrize("arguments", ["{", "[]", {"a": object()}])
async def test_arguments_that_are_no_json_object_are_answered(arguments: Any) -> None:
    probe = Probe()
    wrong, right = await dispatcher(probe).run(calls(arguments, {}), context())
    assert wrong.status is Status.USER_ERROR
    assert wrong.text.startswith("The call of 'probe' is wrong: ")
    assert right.ok
    assert probe.count == 1
