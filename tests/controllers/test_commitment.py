"""Rule 5: a token is streamed once nothing can reach it; and what stands behind that, controllers' contracts."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from flyball.controllers.boundary import AnyWatch, Boundary, TokenWatch
from flyball.controllers.controller import BaseController, Plan, Reach, Ruling, View
from flyball.controllers.edits import Finish, Inject, ReplaceContext
from flyball.controllers.named import Named
from flyball.core.chat_format import Thinking
from flyball.core.engine import Sampling
from flyball.core.errors import ControllerError, EngineError
from flyball.core.events import Channel, FinishReason

from .worlds import (
    ANSWER_END,
    EOS,
    PATIENCE,
    START,
    THOUGHT_END,
    WORDS,
    after_tokens,
    edits_once,
    ids,
    judges,
    nothing_left,
    opened,
    run,
    table,
    text_of,
    when,
    writes,
)


def words(request: object) -> list[int]:
    return [*WORDS, *ids(EOS)]


async def commits(script: Any, **options: Any) -> list[int]:
    """How many tokens are committed, each time that more are."""
    episode, engine = opened(script, thinking=Thinking.OFF, **options)
    trial = episode._trial(0, episode.ledger)
    async with asyncio.timeout(PATIENCE), aclosing(trial.loop.run()) as running:
        seen = [committed async for committed in running]
    await nothing_left(engine)
    assert seen == sorted(set(seen))
    return seen


async def test_without_controllers_tokens_are_committed_as_they_come() -> None:
    assert await commits(words) == list(range(1, 11))
    assert await commits(words, deltas=(3,)) == [3, 6, 9]


async def test_the_end_of_the_turn_is_held_back_because_the_answers_end_is_before_it() -> None:
    ends_and_goes_on = [*WORDS[:2], *ids(EOS), *WORDS[2:]]
    sampling = Sampling(max_tokens=1, ignore_eos=True)
    assert await commits(lambda request: ends_and_goes_on, sampling=sampling, max_tokens=6) == [1, 2, 4, 5]


async def test_tokens_after_the_boundary_of_an_open_verdict_are_held_back() -> None:
    event = asyncio.Event()
    controller = judges("judge", TokenWatch(4), when(event))
    seen = await commits(words, controllers=[controller], gate=after_tokens(event, 8))
    assert seen[:4] == [1, 2, 3, 4]
    assert seen[4] >= 8


async def test_a_controller_that_reaches_the_whole_trajectory_holds_everything() -> None:
    assert await commits(words, controllers=[edits_once("all", START, reach=Reach.TRAJECTORY)]) == []


async def test_what_may_begin_a_stop_string_is_held_back_until_it_is_decided() -> None:
    text = "a EN END"
    seen = await commits(writes(f"a{EOS}"), stops=("aEND",))
    assert seen == [] or seen[0] <= 1
    result = await run(writes(f"{text}{EOS}"), stops=("END",), thinking=Thinking.OFF)
    assert (result.shown.content, result.shown.finish, result.shown.stop) == ("a EN ", FinishReason.STOP, "END")


async def test_what_may_begin_a_new_thought_is_held_back_until_its_first_word_is_whole() -> None:
    thinking = ids("so 4.\n\nWait, no")
    found = []

    def at(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        found.append((boundary.position, boundary.detected))
        return Ruling(state)

    episode, engine = opened(
        writes(f"so 4.\n\nWait, no</think>\n\nyes{EOS}"),
        controllers=[table("thoughts", THOUGHT_END, at)],
        thinking=Thinking.ON,
    )
    trial = episode._trial(0, episode.ledger)
    async with asyncio.timeout(PATIENCE), aclosing(trial.loop.run()) as running:
        async for committed in running:
            held = text_of(trial.trajectory.ids[committed:])
            assert not held or held.lstrip("\n") in ("", "Wait") or "</think>" in held or EOS in held
    await nothing_left(engine)
    ((position, detected),) = found
    assert text_of(thinking[:position]).rstrip("\n") == "so 4."
    assert text_of(thinking[position:detected]).strip() in ("Wait,", "Wait")


@pytest.mark.parametrize("deltas", [(1,), (2,), (3, 5), (1000,)])
@pytest.mark.parametrize(
    ("thinking", "found"),
    [
        ("so 4.\n\nWait, no", 1),
        ("so 4.\n\nWaiting, no", 0),
        ("so 4.\n\nSo 5.\n\nHmm. a\n\nAlternatively, b", 2),
        ("\n\nWait, no", 0),
        ("so 4. Wait, no", 0),
        ("so 4.\nWait, no", 0),
        ("so 4.\n \nWait, no", 1),
        ("so 4.\n\n\n\nHmm, no\n\nWait", 1),
    ],
)
async def test_thoughts_end_where_a_paragraph_begins_with_a_reflection_word(
    thinking: str, found: int, deltas: tuple[int, ...]
) -> None:
    ends: list[str] = []

    def at(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        ends.append(view.text(0, boundary.position))
        return Ruling(state)

    controllers = [table("thoughts", THOUGHT_END, at)]
    await run(writes(f"{thinking}</think>\n\nyes{EOS}"), controllers=controllers, deltas=deltas, thinking=Thinking.ON)
    assert len(ends) == found
    assert all(thinking.startswith(end.rstrip()) for end in ends)


async def test_an_end_of_a_thought_is_reported_once_even_when_an_edit_goes_back_behind_it() -> None:
    seen: list[int] = []

    def thoughts(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        seen.append(boundary.position)
        return Ruling(state)

    event = asyncio.Event()
    controllers = [
        table("thoughts", THOUGHT_END, thoughts),
        judges("judge", TokenWatch(len(ids("so 4.\n\nWait, no")), Channel.THINK), when(event), ReplaceContext((1,))),
    ]
    await run(
        writes("so 4.\n\nWait, no and so on", f" x</think>\n\nyes{EOS}"),
        controllers=controllers,
        gate=after_tokens(event, len(ids("so 4.\n\nWait, no")) + 1),
        thinking=Thinking.ON,
    )
    assert len(seen) == 1


# -- controllers' contracts -----------------------------------------------------------------------------------------


class Broken(BaseController[None]):
    """Raises where it is told to."""

    watches: Sequence[AnyWatch] = (START,)

    def __init__(self, where: str) -> None:
        self._where = where

    def plan(self, plan: Plan) -> Plan:
        self._raise("plan")
        return plan

    def initial(self) -> None:
        self._raise("initial")

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        self._raise("at")
        return super().at(state, boundary, view)

    def _raise(self, where: str) -> None:
        if where == self._where:
            raise LookupError("a defect")


@pytest.mark.parametrize("where", ["plan", "initial", "at"])
async def test_whatever_escapes_from_a_controller_is_its_error(where: str) -> None:
    with pytest.raises(ControllerError, match="controller 'broken' failed: LookupError: a defect") as caught:
        await run(words, controllers=[Named("broken", Broken(where))], thinking=Thinking.OFF)
    assert isinstance(caught.value.__cause__, LookupError)


async def test_a_verdicts_defect_is_its_controllers_error() -> None:
    def broken(state: Any, boundary: Boundary, result: Any, view: View) -> Ruling[Any]:
        raise LookupError("a defect")

    def opens(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        event = asyncio.Event()
        event.set()
        return Ruling(state, pending=when(event))

    with pytest.raises(ControllerError, match="controller 'judge' failed"):
        await run(words, controllers=[table("judge", START, opens, broken, Reach.VERDICTS)], thinking=Thinking.OFF)


async def test_our_own_errors_pass_through_a_controller_unchanged() -> None:
    def at(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        raise EngineError("the verifier is gone")

    with pytest.raises(EngineError, match="verifier"):
        await run(words, controllers=[table("a", START, at)], thinking=Thinking.OFF)


async def test_a_controller_that_does_nothing_changes_nothing() -> None:
    quiet = Named("quiet", BaseController())
    watching = table("watching", START, lambda state, boundary, view: Ruling(state))
    assert (await run(words, controllers=[quiet, watching])).trajectory.ids == (await run(words)).trajectory.ids


async def test_a_controller_without_verdicts_of_its_own_ignores_them() -> None:
    assert BaseController[str]().verdict("state", Boundary(START.kind, 0, 0), None, None).state == "state"  # type: ignore[arg-type]


async def test_a_view_shows_the_conversation_the_ledger_and_where_the_model_is() -> None:
    seen: list[Any] = []

    def at(state: None, boundary: Boundary, view: View) -> Ruling[None]:
        seen.append((view.messages[0]["content"], view.ledger.remaining("tokens"), view.channel, view.text(0, 2)))
        return Ruling(state)

    watch = TokenWatch(3, Channel.ANSWER)
    await run(words, controllers=[table("a", watch, at)], thinking=Thinking.OFF, budget={"tokens": 50})
    assert seen == [("Start with 7, add 5.", 47, Channel.ANSWER, text_of(WORDS[:2]))]


async def test_the_answers_end_is_before_the_end_of_the_turn_and_can_be_edited() -> None:
    result = await run(
        writes(f"four{EOS}", f" five{EOS}"),
        controllers=[edits_once("on", ANSWER_END, Inject(" or"))],
        thinking=Thinking.OFF,
    )
    assert result.kept() == f"four or five{EOS}"


async def test_a_finish_at_the_answers_end_has_its_own_reason() -> None:
    result = await run(
        writes(f"four{EOS}"),
        controllers=[edits_once("ends", ANSWER_END, Finish(FinishReason.LENGTH))],
        thinking=Thinking.OFF,
    )
    assert (result.kept(), result.shown.finish) == ("four", FinishReason.LENGTH)
