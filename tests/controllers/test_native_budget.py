"""A thinking budget that the engine enforces by itself: the same tokens as the loop's own, in one call."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

import pytest

from flyball.controllers.controller import Setting
from flyball.controllers.episode import Episode, EpisodeSpec
from flyball.controllers.formats.registry import load_format
from flyball.controllers.limits import Limits
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, EngineRequest, Sampling
from flyball.core.events import Acted, Called, Channel, Origin
from flyball.core.trajectory import Trajectory
from flyball.data import REASONER
from flyball.server.engines.scripted import ScriptedEngine

MESSAGES = ({"role": "user", "content": "Start with 7, add 5."},)
THINKING, ANSWER = "7 + 5 = 12, keep 2.\n\nWait, let me check: 2.", "\n\nThe answer is \\boxed{2}.<|im_end|>"


@pytest.fixture(scope="module")
def chat_format() -> ChatFormat:
    return load_format("auto", str(REASONER))


class Model:
    """Thinks, then answers; obeys an engine's thinking budget as vLLM does, counting what stands in the open block."""

    def __init__(self, format: ChatFormat, *, obeys: bool = True, reopens: bool = False) -> None:
        assert format.think_end_id is not None
        self._open, self._close = format.think_open_ids[0], format.think_end_id
        self._thinking = format.encode(THINKING)
        self._answer = format.encode(ANSWER)
        self._obeys, self._reopens = obeys, reopens

    def __call__(self, request: EngineRequest) -> Iterable[int]:
        budget = request.thinking_budget if self._obeys else None
        ids = list(request.ids)
        if self._close in ids[-4:]:
            bias = request.sampling.logit_bias or {}
            yield from [self._open] if self._reopens and self._open not in bias else []
            yield from self._answer
            return
        if self._open not in ids:
            yield self._open
            ids.append(self._open)
        inside = len(ids) - 1 - max(i for i, token in enumerate(ids) if token == self._open)
        for token in self._thinking:
            if budget is not None and inside >= budget.tokens:
                break
            yield token
            inside += 1
        yield self._close
        yield from [self._open] if self._reopens else []
        yield from self._answer


def budget(tokens: int, closing: str | None = None) -> dict[str, Any]:
    return {"name": "thinking_budget", "tokens": tokens, "closing": closing}


def decoded(
    format: ChatFormat,
    controllers: list[dict[str, Any]],
    *,
    native: bool,
    deltas: tuple[int, ...] = (1,),
    **model: bool,
) -> tuple[Trajectory, str, str]:
    """The trajectory, its thinking and its answer."""
    close = (format.think_end_id,) if native and format.think_end_id is not None else None
    abilities = Abilities(context_length=512, thinking_close_ids=close)
    engine = ScriptedEngine(Model(format, **model), eos_ids=format.eos_ids, deltas=deltas, abilities=abilities)
    spec = EpisodeSpec(
        id="native",
        messages=MESSAGES,
        sampling=Sampling(max_tokens=1),
        controllers=tuple(build_controllers(controllers, Setting(format, abilities))),
    )
    episode = Episode(spec, engine, format, Limits(max_tokens=512, context_length=512, answer_room=32, close_tokens=4))
    episode.prepare()

    async def run() -> tuple[str, str]:
        reasoning = content = ""
        async with asyncio.timeout(5), aclosing(episode.pieces()) as pieces:
            async for _, piece, _ in pieces:
                reasoning, content = reasoning + piece.reasoning, content + piece.content
        return reasoning, content

    shown = asyncio.run(run())
    return episode.trials[0].trajectory, *shown


def calls(trajectory: Trajectory) -> int:
    return sum(isinstance(event, Called) for event in trajectory.log)


@pytest.mark.parametrize("mode", [None, "think"])
@pytest.mark.parametrize("deltas", [(1,), (3, 5), (64,)])
@pytest.mark.parametrize("tokens", [1, 4, 9])
def test_the_engines_budget_gives_what_the_loops_gives_in_one_call(
    chat_format: ChatFormat, mode: str | None, deltas: tuple[int, ...], tokens: int
) -> None:
    controllers = [budget(tokens)] if mode is None else [{"name": "adaptive_think", "mode": mode}, budget(tokens)]
    own = decoded(chat_format, controllers, native=False, deltas=deltas)
    engines = decoded(chat_format, controllers, native=True, deltas=deltas)
    assert engines[1:] == own[1:]
    assert engines[0].ids == own[0].ids
    assert engines[0].runs == own[0].runs
    assert engines[0].thinking == own[0].thinking == tokens
    assert (calls(own[0]), calls(engines[0])) == (2, 1)
    assert engines[0].dropped == 0


def test_the_marker_that_the_engine_writes_is_injected_and_the_controller_acted(chat_format: ChatFormat) -> None:
    trajectory, _, _ = decoded(chat_format, [budget(4)], native=True)
    injected = [run for run in trajectory.runs if run.origin is Origin.INJECTED]
    assert [(run.channel, run.marker) for run in injected] == [(Channel.THINK, True)]
    (acted,) = [event for event in trajectory.log if isinstance(event, Acted)]
    assert (acted.controller, acted.edits) == ("thinking_budget", ["FinishThinking"])


def test_thinking_that_ends_by_itself_is_left_alone(chat_format: ChatFormat) -> None:
    trajectory, reasoning, _ = decoded(chat_format, [budget(400)], native=True)
    assert reasoning == THINKING
    assert not any(run.origin is Origin.INJECTED for run in trajectory.runs)


def test_an_engine_that_does_not_close_is_closed_by_the_loop(chat_format: ChatFormat) -> None:
    own = decoded(chat_format, [budget(4)], native=False)
    fallen_back = decoded(chat_format, [budget(4)], native=True, obeys=False)
    assert fallen_back[1:] == own[1:]
    assert fallen_back[0].ids == own[0].ids


def test_a_phrase_is_written_by_the_loop_even_beside_a_native_budget(chat_format: ChatFormat) -> None:
    trajectory, reasoning, _ = decoded(chat_format, [budget(4, "I answer now.")], native=True)
    assert "I answer now." in reasoning
    assert calls(trajectory) == 2


@pytest.mark.parametrize("native", [False, True])
def test_thinking_that_was_closed_stays_closed(chat_format: ChatFormat, native: bool) -> None:
    trajectory, _, content = decoded(chat_format, [budget(4)], native=native, reopens=True)
    opened = [token for token in trajectory.ids if token == chat_format.think_open_ids[0]]
    assert len(opened) == 1
    assert trajectory.thinking == 4
    assert content == ANSWER.strip().removesuffix("<|im_end|>")
