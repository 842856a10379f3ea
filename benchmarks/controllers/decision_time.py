"""How long it takes to decide whether to think, where nobody is asked."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable

from flyball.controllers.controller import Plan, Setting
from flyball.controllers.desk import TrajectoryDesk
from flyball.controllers.formats.registry import load_format
from flyball.controllers.limits import Limits
from flyball.controllers.methods.adaptive_think import AdaptiveThink
from flyball.controllers.modes.params import AdaptiveThinkParams
from flyball.controllers.setup import Setup
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, Sampling
from flyball.core.ledger import Ledger
from flyball.data import REASONER
from flyball.policies.base import Context
from flyball.policies.exploring import Exploring
from flyball.policies.question_features import question_features
from flyball.policies.question_rule import QuestionRule
from flyball.server.engines.scripted import ScriptedEngine
from flyball.training.pocket.world.sets import questions

Work = Callable[[str], object]


def desk_of(format: ChatFormat) -> TrajectoryDesk:
    """Where a controller decides, with an engine that nobody asks."""
    setup = Setup(
        engine=ScriptedEngine(lambda request: [], eos_ids=format.eos_ids),
        format=format,
        controllers=(),
        messages=(),
        prompt_ids=(),
        sampling=Sampling(max_tokens=1),
        limits=Limits(max_tokens=1, context_length=4096, answer_room=0, close_tokens=0),
        ledger=Ledger(),
        seed=1,
        request_id="deciding",
    )
    return TrajectoryDesk(setup, lambda plan: [])


def works(loop: asyncio.AbstractEventLoop) -> dict[str, Work]:
    """What is measured, by its name; each takes a question."""
    format = load_format("pocket", str(REASONER))
    controller = AdaptiveThink(
        AdaptiveThinkParams(mode="policy", explore=0.1), Setting(format, Abilities(context_length=4096))
    )
    policy, chance, desk = Exploring(QuestionRule(), 0.1), random.Random(0), desk_of(format)
    features = question_features("Start with 7, add 5.")

    def opened(question: str) -> object:
        plan = controller.plan(Plan(({"role": "user", "content": question},)))
        return loop.run_until_complete(controller.open(plan, desk))

    return {
        "features of a question": question_features,
        "the policy alone": lambda question: policy.choose(Context("think", features, chance), ("think", "no_think")),
        "adaptive_think, mode policy": opened,
    }


def line(work: Work, asked: list[str]) -> list[str]:
    """The median and the 95th of a hundred, in milliseconds."""
    seconds = []
    for question in asked:
        began = time.perf_counter()
        work(question)
        seconds.append(time.perf_counter() - began)
    cuts = statistics.quantiles(seconds, n=20)
    return [f"{statistics.median(seconds) * 1e3:.3f}", f"{cuts[-1] * 1e3:.3f}"]


def decision_times(count: int) -> list[list[str]]:
    """A table: every work, for so many questions of the pocket world and for long ones; 20 at least."""
    pocket = [question.text for question in questions("mixed", "test", max(20, count))]
    lengths = {"pocket questions": pocket, "20,000 characters": [("A word, 12 and 7. " * 1111)[:20_000]] * len(pocket)}
    loop = asyncio.new_event_loop()
    try:
        cells = [
            [name, length, *line(work, asked)]
            for name, work in works(loop).items()
            for length, asked in lengths.items()
        ]
    finally:
        loop.close()
    return [["", "questions", "p50, ms", "p95, ms"], *cells]
