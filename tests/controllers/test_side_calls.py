"""Calls beside a trajectory: what is asked, what it costs, what the log says, and that nothing of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flyball.controllers.boundary import AnyWatch, Boundary, TokenWatch
from flyball.controllers.controller import BaseController, Pending, Reach, Ruling, View
from flyball.controllers.edits import Inject
from flyball.controllers.named import Named
from flyball.controllers.probing import ProbeReply
from flyball.controllers.side import Question
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import EngineError
from flyball.core.events import Asked, Noted
from flyball.core.ledger import AUXILIARY, AUXILIARY_PROMPT, TOKENS, USD
from flyball.core.model import ModelReply, Price

from .auxiliaries import Auxiliary
from .worlds import EOS, ids, run, text_of

QUESTION = Question(messages=({"role": "user", "content": "is it done yet"},), max_tokens=5)


class Curious(BaseController[None]):
    """Makes a side call after three tokens, and keeps what came of it."""

    watches: Sequence[AnyWatch] = (TokenWatch(3),)
    reach = Reach.VERDICTS

    def __init__(self, wait: Any, edit: bool = False) -> None:
        self._wait, self._edit = wait, edit
        self.heard: list[Any] = []

    def at(self, state: None, boundary: Boundary, view: View) -> Ruling[None]:
        return Ruling(state, pending=Pending(self._wait(view), 10))

    def verdict(self, state: None, boundary: Boundary, result: Any, view: View) -> Ruling[None]:
        self.heard = [result]
        return Ruling(state, (Inject("!"),) if self._edit else ())


def asking(question: Question = QUESTION, model: str = "aux") -> Curious:
    return Curious(lambda view: view.side.ask(model, question))


def probing(text: str = " so", **how: Any) -> Curious:
    return Curious(lambda view: view.side.probe(text, **{"max_tokens": 4, **how}))


PROBED = " it is 7"


def script(request: EngineRequest) -> Any:
    """The trajectory counts; behind " so" the model says what it thinks."""
    return ids(PROBED + EOS) if text_of(request.ids).endswith(" so") else ids(" one two three four five" + EOS)


async def test_an_auxiliary_model_is_asked_and_charged_and_the_log_says_so() -> None:
    curious, model = asking(), Auxiliary(lambda _: "no not yet", price=Price(input=1.0, output=10.0))
    result = await run(script, controllers=[Named("curious", curious)], models={"aux": model}, thinking=Thinking.OFF)

    assert model.asked == ["is it done yet"]
    assert curious.heard[0] == ModelReply("no not yet", 4, 3)
    ledger = result.episode.ledger
    assert (ledger.spent(AUXILIARY), ledger.spent(AUXILIARY_PROMPT)) == (3, 4)
    assert ledger.spent(TOKENS) == 3 + result.trajectory.sampled
    assert ledger.spent(USD) == pytest.approx((4 * 1 + 3 * 10) / 1e6)
    (logged,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert (logged.by, logged.model, logged.prompt_tokens, logged.completion_tokens) == ("curious", "aux", 4, 3)
    assert (logged.position, logged.reply, logged.error) == (3, "no not yet", None)


async def test_a_model_that_fails_leaves_the_trajectory_as_it_is_and_the_response_says_so() -> None:
    curious, model = asking(), Auxiliary(str, error=EngineError("aux is gone"))
    result = await run(script, controllers=[Named("curious", curious)], models={"aux": model}, thinking=Thinking.OFF)

    assert curious.heard == [None]
    assert result.shown.content == " one two three four five"
    (note,) = [event for event in result.trajectory.log if isinstance(event, Noted)]
    assert (note.by, note.text) == ("curious", "no verdict: aux is gone")
    (logged,) = [event for event in result.trajectory.log if isinstance(event, Asked)]
    assert logged.error == "aux is gone"


async def test_a_budget_that_is_too_small_asks_nobody() -> None:
    curious, model = asking(), Auxiliary(lambda _: "yes", price=Price(input=1e6))
    result = await run(
        script,
        controllers=[Named("curious", curious)],
        models={"aux": model},
        budget={"usd": 0.01},
        thinking=Thinking.OFF,
    )
    assert (model.asked, curious.heard) == ([], [None])
    assert result.shown.content == " one two three four five"


async def test_a_model_that_is_not_there_is_no_harm() -> None:
    curious = asking(model="gone")
    result = await run(script, controllers=[Named("curious", curious)], thinking=Thinking.OFF)
    assert curious.heard == [None]
    assert result.shown.content == " one two three four five"


async def test_a_probe_goes_on_from_its_boundary_and_none_of_it_is_kept() -> None:
    curious = probing()
    result = await run(script, controllers=[Named("curious", curious)], deltas=(2,), thinking=Thinking.OFF)

    (reply,) = curious.heard
    assert isinstance(reply, ProbeReply)
    assert reply.text == text_of(ids(PROBED)[:4])
    assert len(reply.ids) == len(reply.logprobs) == 4
    assert result.shown.content == " one two three four five"
    asked = next(request for request in result.engine.requests if "probe" in request.request_id)
    assert asked.ids == result.trajectory.prompt_ids + result.trajectory.ids[:3] + ids(" so")
    ledger = result.episode.ledger
    assert (ledger.spent(AUXILIARY), ledger.spent(AUXILIARY_PROMPT)) == (4, len(asked.ids))
    assert ledger.spent(TOKENS) == 4 + result.trajectory.sampled
    assert asked.sampling.temperature == 0.0


async def test_a_probe_ends_where_its_text_is_enough() -> None:
    curious = probing(max_tokens=50, until=lambda text: "is" in text)
    result = await run(script, controllers=[Named("curious", curious)], thinking=Thinking.OFF)

    (reply,) = curious.heard
    assert reply.text.endswith("is")
    assert not reply.ended
    assert result.episode.ledger.spent(AUXILIARY) == len(reply.ids)


async def test_a_probe_that_ends_its_turn_says_so_without_the_token_that_ends_it() -> None:
    curious = probing(max_tokens=50)
    await run(script, controllers=[Named("curious", curious)], thinking=Thinking.OFF)
    assert (curious.heard[0].text, curious.heard[0].ended) == (PROBED, True)


async def test_without_room_in_the_context_there_is_no_probe() -> None:
    curious = probing()
    result = await run(
        script,
        controllers=[Named("curious", curious)],
        budget={"tokens": 5.0},
        thinking=Thinking.OFF,
    )
    probes = [request for request in result.engine.requests if "probe" in request.request_id]
    assert sum(request.sampling.max_tokens for request in probes) <= 2


async def test_a_verdict_of_a_side_call_may_edit() -> None:
    curious = Curious(lambda view: view.side.ask("aux", QUESTION), edit=True)
    result = await run(
        script,
        controllers=[Named("curious", curious)],
        models={"aux": Auxiliary(lambda _: "yes")},
        thinking=Thinking.OFF,
    )
    assert "!" in result.shown.content
