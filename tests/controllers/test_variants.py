"""Trajectories of a strategy that differ from what the request asks for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from flyball.controllers.boundary import BoundaryKind, Watch
from flyball.controllers.edits import Inject
from flyball.controllers.side import Question
from flyball.controllers.strategy import AS_ASKED, Outcome, Trials, Variant
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import ContextOverflow, EngineError, RequestError
from flyball.core.events import Asked, Rendered
from flyball.core.ledger import AUXILIARY, TOKENS
from flyball.core.trajectory import replay

from .auxiliaries import Auxiliary
from .worlds import EOS, edits_once, ids, notes, pocket, run, text_of


class One:
    """Starts one trajectory, of a variant."""

    needs_variety = False
    fan_out = 1

    def __init__(self, variant: Variant = AS_ASKED, model: str | None = None) -> None:
        self._variant, self._model = variant, model
        self.said = ""

    async def run(self, trials: Trials) -> Outcome:
        if self._model is not None:
            question = Question(messages=({"role": "user", "content": str(len(trials.messages))},), max_tokens=9)
            self.said = (await trials.ask(self._model, question)).text
        return await trials.start(0, among=1, variant=self._variant)


def answers(request: EngineRequest) -> Any:
    return ids(f"yes{EOS}")


async def tried(variant: Variant, **options: Any) -> Any:
    return await run(answers, strategy=One(variant), thinking=Thinking.OFF, **options)


async def test_without_a_difference_it_is_as_the_request_asks() -> None:
    result = await tried(AS_ASKED)
    assert result.trajectory.prompt_ids == result.episode.prompt_ids


async def test_other_messages_are_rendered_and_other_tokens_sampled() -> None:
    other = ({"role": "user", "content": "Say it again."},)
    result = await tried(Variant(messages=other, thinking=Thinking.ON, temperature=0.25, logprobs=3, max_tokens=7))

    assert "Say it again." in text_of(result.trajectory.prompt_ids)
    assert result.trajectory.prompt_ids == pocket().render(other, None, Thinking.ON, {})
    sampling = result.engine.requests[0].sampling
    assert (sampling.temperature, sampling.logprobs, sampling.max_tokens) == (0.25, 3, 7)


async def test_an_opening_stands_at_the_beginning_of_the_turn() -> None:
    result = await tried(Variant(thinking=Thinking.ON, opening="Done.\n</think>\n\n"))
    assert text_of(result.trajectory.prompt_ids).endswith("Done.\n</think>\n\n")
    assert (result.shown.content, result.shown.reasoning) == ("yes", "")


async def test_its_own_controllers_are_asked_behind_those_of_the_request() -> None:
    start = Watch(BoundaryKind.START)
    own, asked = edits_once("own", start, Inject("b")), edits_once("asked", start, Inject("a"))
    result = await tried(Variant(controllers=(own,)), controllers=[asked])
    assert result.shown.content == "abyes"


async def test_messages_that_do_not_fit_are_refused() -> None:
    long = ({"role": "user", "content": "x " * 9000},)
    with pytest.raises(ContextOverflow):
        await tried(Variant(messages=long))


async def test_a_strategy_asks_auxiliary_models_on_the_requests_account() -> None:
    strategy = One(model="aux")
    result = await run(answers, strategy=strategy, models={"aux": Auxiliary(lambda said: f"{said} it is")})

    assert strategy.said == "1 it is"
    ledger = result.episode.ledger
    assert (ledger.spent(AUXILIARY), ledger.spent(TOKENS)) == (3, 3 + result.trajectory.sampled)


class AsksTwice:
    """Asks before it starts a trajectory, and after it has ended; it does without replies."""

    needs_variety = False
    fan_out = 1

    async def run(self, trials: Trials) -> Outcome:
        question = Question(messages=({"role": "user", "content": "Is it?"},), max_tokens=9)
        outcome = None
        for _ in range(2):
            with suppress(EngineError):
                await trials.ask("aux", question)
            outcome = outcome or await trials.start(0, among=1)
        assert outcome is not None
        return outcome


async def test_what_a_strategy_asks_is_in_the_log_of_the_trajectory_that_began_last_or_the_first() -> None:
    given: dict[str, Any] = {"strategy": AsksTwice(), "strategy_name": "twice", "thinking": Thinking.OFF}
    result = await run(answers, models={"aux": Auxiliary(lambda _: "It is.")}, **given)

    asked = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert [(event.by, event.model, event.position) for event in asked] == [
        ("twice", "aux", 0),
        ("twice", "aux", len(result.trajectory.ids)),
    ]
    assert all((event.reply, event.completion_tokens, event.error) == ("It is.", 2, None) for event in asked)
    assert isinstance(result.trajectory.log[0], Rendered)
    assert replay(result.trajectory.log).ids == result.trajectory.ids


async def test_why_a_strategys_questions_had_no_reply_is_said_once() -> None:
    given: dict[str, Any] = {"strategy": AsksTwice(), "strategy_name": "twice", "thinking": Thinking.OFF}
    result = await run(answers, models={"aux": Auxiliary(str, error=EngineError("it is gone"))}, **given)

    errors = [event.error for event in result.trajectory.log if isinstance(event, Asked)]
    assert errors == ["it is gone", "it is gone"]
    assert notes(result.trajectory) == ["aux gave no reply: it is gone"]
    assert result.shown.content == "yes"


async def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError, match="gone"):
        await run(answers, strategy=One(model="gone"))
