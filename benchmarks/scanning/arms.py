"""The sides that are compared: what the decode loop looks for while a model writes."""

import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, NamedTuple

from flyball.controllers.boundary import AnyWatch, BoundaryKind, Watch
from flyball.controllers.controller import BaseController, Setting
from flyball.controllers.limits import Limits
from flyball.controllers.named import Named
from flyball.controllers.registry import build_controllers
from flyball.controllers.scanner import Scanner
from flyball.controllers.server_tools import ServerTools
from flyball.controllers.setup import Setup
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, Delta, EngineRequest, Sampling
from flyball.core.ledger import Ledger
from flyball.core.trajectory import Trajectory

_CONTEXT = 1 << 20
_WORDS = (
    "Start with 7 , then add 5 : 12 , keep 2 . So the result is 6 . Multiply it by 341 * 22 . Yes , Python gives 8 . "
    "The number of the other one is long enough , and I should check it again"
)
_REFLECTIONS = ("Wait, ", "Alternatively, ", "Hmm, ")
_NEVER: Mapping[str, Any] = {"name": "hint_infer", "rounds": 0, "after_words": 1, "chance": 0, "distance": 0}

_AT_END: Mapping[str, Any] = {"name": "hint_infer", "hints": ["```"], "calls": 0}
"""Its only hint is one of code, and no call is left."""


class Thoughts(BaseController[None]):
    """Watches the ends of thoughts, and does nothing."""

    watches: Sequence[AnyWatch] = (Watch(BoundaryKind.THOUGHT_END),)


class Arm(NamedTuple):
    """What is looked for; nothing of it leads to an edit."""

    controllers: Sequence[Mapping[str, Any] | Named] = ()
    fenced: bool = False


ARMS: Mapping[str, Arm] = {
    "nothing": Arm(),
    "ends of thoughts": Arm([Named("thoughts", Thoughts())]),
    "code between fences": Arm(fenced=True),
    "hint_infer: the end of the thinking": Arm([_AT_END]),
    "hint_infer: words": Arm([_NEVER]),
    "hint_infer: words, calculations, doubts": Arm([{**_NEVER, "tedious": 1, "trust": "doubt", "unaided": True}]),
    "the same, with code between fences": Arm([{**_NEVER, "tedious": 1, "trust": "doubt"}], fenced=True),
}


def thinking_text(paragraphs: int, seed: int = 0) -> str:
    """Thoughts of some forty tokens, each with a reflection word; no code."""
    rng, words = random.Random(seed), _WORDS.split()
    thoughts = (
        f"{rng.choice(_REFLECTIONS)}{' '.join(rng.choices(words, k=rng.randint(15, 45)))}." for _ in range(paragraphs)
    )
    return "\n\n".join(thoughts)


class Replay:
    """An engine that hands out the same tokens in deltas of one size, at once."""

    alive = True

    def __init__(self, ids: Sequence[int], size: int) -> None:
        self._deltas = [Delta(ids=list(ids[at : at + size])) for at in range(0, len(ids), size)]
        self._deltas.append(Delta(ids=[], finish="stop"))

    @property
    def abilities(self) -> Abilities:
        return Abilities(context_length=_CONTEXT)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def running(self) -> int:
        return 0

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """The deltas."""
        for delta in self._deltas:
            yield delta


def scanner_of(setup: Setup) -> Scanner:
    """What follows the tokens of one trajectory of this side, without the loop around it."""
    watches = [watch for named in setup.controllers for watch in named.controller.watches]
    fence = None if setup.server_tools is None else setup.format.fence
    return Scanner(Trajectory(setup.prompt_ids), setup.format, watches, (), False, fence)


def setup_of(arm: Arm, engine: Replay, format: ChatFormat, prompt_ids: Sequence[int]) -> Setup:
    """One trajectory of this side."""
    setting = Setting(format, engine.abilities, fenced="python" if arm.fenced else None)
    controllers = [
        given if isinstance(given, Named) else build_controllers([given], setting)[0] for given in arm.controllers
    ]
    server = ServerTools(tools={}, fenced="python") if arm.fenced else None
    return Setup(
        engine=engine,
        format=format,
        controllers=controllers,
        messages=(),
        prompt_ids=prompt_ids,
        sampling=Sampling(max_tokens=1),
        limits=Limits(max_tokens=_CONTEXT, context_length=_CONTEXT, answer_room=16, close_tokens=8),
        ledger=Ledger(),
        request_id="benchmark-0",
        server_tools=server,
    )
