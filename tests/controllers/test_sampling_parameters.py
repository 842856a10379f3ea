"""Rules 4, 6, 7 and 8: what every engine call of a trajectory is told, and what is counted."""

from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.controller import Reach
from flyball.controllers.edits import Inject, Truncate
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities, EngineRequest, Sampling
from flyball.core.errors import EngineError
from flyball.core.events import Called, FinishReason, Origin
from flyball.core.model import Price
from flyball.server.engines.scripted import ScriptedEngine

from .worlds import (
    CALL,
    DELTAS,
    EOS,
    TOOL,
    WORDS,
    call_number,
    calls,
    edits_once,
    ids,
    opened,
    parts,
    run,
    text_of,
    writes,
)

X = Inject(" X")


def words(request: EngineRequest) -> list[int]:
    return [*WORDS[call_number(request) :], *ids(EOS)]


def edits(count: int, *extra: int) -> list[object]:
    return [edits_once(f"edit {number}", TokenWatch(number), X) for number in range(2, 2 + 2 * count, 2)]


async def requests(**options: Any) -> list[EngineRequest]:
    result = await run(words, thinking=Thinking.OFF, **options)
    return result.engine.requests


# -- rule 6: seeds --------------------------------------------------------------------------------------------------


async def test_without_edits_a_trajectory_is_one_call_with_its_own_seed() -> None:
    (request,) = await requests(seed=7)
    assert (request.sampling.seed, request.priority) == (7, 0)


@pytest.mark.parametrize(
    "controllers",
    [
        [{"name": "thinking_budget", "tokens": 9}],
        [{"name": "thinking_budget", "tokens": 9, "closing": "So."}],
        [{"name": "hint_infer", "rounds": 0}],
        [{"name": "adaptive_think", "mode": "think"}],
        [{"name": "hint_infer", "rounds": 0}, {"name": "thinking_budget", "tokens": 9}],
    ],
)
async def test_a_request_in_which_no_controller_acts_is_one_engine_call(controllers: list[dict[str, object]]) -> None:
    answer = " and a long answer after it, much longer than the thinking was allowed to be at all"
    script = writes(f"a b</think>\n\nyes{answer}{EOS}")
    result = await run(script, controllers=controllers, thinking=Thinking.ON, seed=3)
    assert result.shown.content == f"yes{answer}"
    assert [request.sampling.seed for request in result.engine.requests] == [3]


async def test_later_calls_take_seeds_that_depend_on_the_position_and_the_calls_number() -> None:
    first, *later = [request.sampling.seed for request in await requests(seed=7, controllers=edits(3))]
    assert first == 7
    assert len({first, *later}) == 4
    assert later == [request.sampling.seed for request in await requests(seed=7, controllers=edits(3))][1:]
    assert later != [request.sampling.seed for request in await requests(seed=8, controllers=edits(3))][1:]


async def test_a_retry_at_the_same_position_draws_anew() -> None:
    again = [edits_once(name, TokenWatch(3), Truncate(1), reach=Reach.TRAJECTORY) for name in ("a", "b")]
    one = await requests(seed=7, controllers=again[:1])
    assert one[1].sampling.seed not in (None, 7)


async def test_no_seed_stays_no_seed() -> None:
    assert {request.sampling.seed for request in await requests(controllers=edits(2))} == {None}


async def test_every_choice_has_its_own_seed() -> None:
    seeds = [request.sampling.seed for request in await requests(seed=7, n=3)]
    assert sorted(seed for seed in seeds if seed is not None) == [7, 8, 9]


async def test_calls_are_in_the_log_with_their_seed() -> None:
    result = await run(words, controllers=edits(1), seed=7, thinking=Thinking.OFF)
    seeds = [request.sampling.seed for request in result.engine.requests]
    assert calls(result.trajectory) == [
        Called(position=0, call=0, seed=7),
        Called(position=2 + len(ids(" X")), call=1, seed=seeds[1]),
    ]


# -- rules 1 and 4: contexts ----------------------------------------------------------------------------------------


async def test_a_resumed_call_continues_the_kept_ids_with_raised_priority() -> None:
    first, second = await requests(controllers=edits(1))
    assert second.ids == [*first.ids, *WORDS[:2], *ids(" X")]
    assert (first.priority, second.priority) == (0, -1)
    assert len({first.request_id, second.request_id}) == 2


async def test_the_adapter_is_that_of_every_call() -> None:
    assert [request.adapter for request in await requests(controllers=edits(1), adapter="tuned")] == ["tuned"] * 2


async def test_nobody_who_looks_lets_the_engine_hand_everything_over_at_once() -> None:
    assert [request.whole for request in await requests(streamed=False)] == [True]
    assert [request.whole for request in await requests(streamed=True)] == [False]
    for watched in ({"stops": ("END",)}, {"max_calls": 1}, {"controllers": edits(1)}, {"budget": {"tokens": 100}}):
        assert not any(request.whole for request in await requests(streamed=False, **watched))


# -- rule 7: what is carried ----------------------------------------------------------------------------------------


async def test_max_tokens_carry_what_is_left_of_them() -> None:
    first, second = await requests(controllers=edits(1), max_tokens=8)
    assert (first.sampling.max_tokens, second.sampling.max_tokens) == (8, 6)


async def test_min_tokens_carry_what_is_left_of_them() -> None:
    first, second = await requests(controllers=edits(1), min_tokens=5)
    assert (first.sampling.min_tokens, second.sampling.min_tokens) == (5, 3)
    assert (await requests(controllers=edits(3), min_tokens=5))[3].sampling.min_tokens == 0


async def test_min_tokens_are_never_more_than_a_call_may_sample() -> None:
    (request,) = await requests(min_tokens=9, max_tokens=9, budget={"tokens": 4})
    assert (request.sampling.min_tokens, request.sampling.max_tokens) == (4, 4)


async def test_everything_else_is_the_same_in_every_call() -> None:
    sampling = Sampling(
        max_tokens=1, temperature=0.3, top_p=0.9, top_k=5, min_p=0.1, repetition_penalty=1.1, logit_bias={5: 1.0},
        logprobs=2, stop_ids=(9,), ignore_eos=True, presence_penalty=0.1, frequency_penalty=0.2,
    )  # fmt: skip
    for request in await requests(controllers=edits(1), sampling=sampling, max_tokens=10):
        carried = {"max_tokens": request.sampling.max_tokens, "seed": None}
        assert request.sampling == type(sampling)(
            **{**{f: getattr(sampling, f) for f in sampling.__struct_fields__}, **carried}
        )


# -- rule 8: counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_kept_dropped_and_injected_tokens_are_counted_exactly(deltas: tuple[int, ...]) -> None:
    cut = edits_once("cut", TokenWatch(6), Truncate(4), X, reach=Reach.TRAJECTORY)
    result = await run(words, controllers=[cut], deltas=deltas, thinking=Thinking.OFF)
    kept = len(WORDS[:4]) + len(WORDS[1:]) + 1
    tally = result.trajectory.tally()
    assert (tally.sampled, tally.injected) == (kept, len(ids(" X")))
    assert tally.dropped >= 2
    assert result.episode.ledger.spent("tokens") == tally.sampled + tally.dropped
    assert parts(result.trajectory, origin=Origin.INJECTED) == " X"


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("count", [0, 1, 2])
async def test_max_tokens_count_sampled_kept_tokens(count: int, deltas: tuple[int, ...]) -> None:
    forever = lambda request: WORDS * 3
    result = await run(forever, controllers=edits(count), deltas=deltas, max_tokens=9, thinking=Thinking.OFF)
    assert (result.trajectory.sampled, result.shown.finish) == (9, FinishReason.LENGTH)
    assert result.trajectory.finished is not None
    assert result.trajectory.finished.by == "max_tokens"


async def test_dollars_are_charged_for_every_calls_prompt_and_for_every_sampled_token() -> None:
    price = Price(input=1.0, cached_input=0.5, output=3.0)
    result = await run(words, controllers=edits(1), limits={"price": price}, thinking=Thinking.OFF)
    first, second = (len(request.ids) for request in result.engine.requests)
    sampled = result.trajectory.sampled + result.trajectory.dropped
    cached = second // 2
    assert result.episode.ledger.spent("usd") == pytest.approx((first + second - cached * 0.5 + sampled * 3.0) / 1e6)


async def test_cached_tokens_are_those_of_the_first_call() -> None:
    episode, _ = opened(words, thinking=Thinking.OFF)
    assert episode.cached_tokens == 0
    result = await run(words, n=2, thinking=Thinking.OFF)
    assert result.episode.cached_tokens in (0, len(result.trajectory.prompt_ids) // 2)
    assert result.episode.prompt_tokens == len(result.trajectory.prompt_ids)


# -- what engines may do --------------------------------------------------------------------------------------------


class Odd(ScriptedEngine):
    """An engine that ends its calls in ways that engines should not."""

    def __init__(self, finish: str | None) -> None:
        super().__init__(words, eos_ids=ids(EOS))
        self._odd = finish

    async def generate(self, request: EngineRequest):  # type: ignore[no-untyped-def]
        async for delta in super().generate(request):
            if delta.finish is not None and self._odd is None:
                return
            delta.finish = delta.finish and self._odd  # type: ignore[assignment]
            yield delta


@pytest.mark.parametrize(("finish", "said"), [("abort", "aborted"), (None, "without a finish reason")])
async def test_a_call_that_ends_without_an_end_is_the_engines_error(finish: str | None, said: str) -> None:
    episode, _ = opened(words, thinking=Thinking.OFF)
    episode._engine = Odd(finish)
    with pytest.raises(EngineError, match=said):
        async for _ in episode.pieces():
            pass


async def test_an_engine_that_stops_early_by_itself_ends_with_length() -> None:
    result = await run(lambda request: WORDS[:4], thinking=Thinking.OFF, max_tokens=9)
    assert (result.shown.content, result.shown.finish) == (text_of(WORDS[:4]), FinishReason.LENGTH)
    assert result.trajectory.finished is not None
    assert result.trajectory.finished.by == "engine"


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (2, 2), (None, 3)])
async def test_a_trajectory_ends_after_as_many_calls_as_are_allowed(
    limit: int | None, shown: int, deltas: tuple[int, ...]
) -> None:
    script = writes(f"{CALL}\n{CALL}\n{CALL}{EOS}")
    result = await run(script, tools=(TOOL,), max_calls=limit, deltas=deltas, thinking=Thinking.OFF)
    assert result.shown.calls == [["add", '{"a": 7, "b": 5}']] * shown
    assert result.shown.finish == FinishReason.TOOL_CALLS


async def test_logprobs_of_what_is_kept_are_those_that_the_engine_gave() -> None:
    scored = [(token, -0.1 * number) for number, token in enumerate(WORDS)]
    result = await run(
        lambda request: scored,
        sampling=Sampling(max_tokens=1, logprobs=0),
        logprobs=True,
        max_tokens=10,
        thinking=Thinking.OFF,
        abilities=Abilities(context_length=512),
        deltas=(3,),
    )
    known = result.trajectory.logprobs
    assert [known[position].logprob for position in range(10)] == [logprob for _, logprob in scored]
    (row,) = result.trajectory.training_rows()
    assert row.logp_T[-10:] == [logprob for _, logprob in scored]
