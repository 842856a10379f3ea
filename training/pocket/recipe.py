"""The recipes of the two pocket models: what decides their weights, but for the phrases and the number of threads."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, get_args

from .model import Shape
from .reasoner.behaviour import Behaviour
from .reasoner.curriculum import Curriculum, Mixture, Phase
from .world.question import VERSION

Role = Literal["reasoner", "verifier"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained."""

    role: Role
    shape: Shape
    schedule: tuple[tuple[int, float], ...]
    """Share of the learning rate after so many tokens (padding not counted), linear in between; the last point ends the
    run."""
    seed: int = 0
    batch_tokens: int = 6144
    """Padded tokens of a batch."""
    curriculum: Curriculum = field(default_factory=Curriculum)
    reading_pools: int = 0
    """Pools of the verifier's examples in which the loss is taken on the passages, too."""
    learning_rate: float = 5e-3
    weight_decay: float = 0.05
    clip: float = 1.0
    vocabulary_examples: int = 6000
    save_every: int = 100
    """Steps between checkpoints."""
    compiled: bool = True
    """Whether torch compiles the network (needs a C++ compiler); about a third faster."""
    version: str = VERSION

    @property
    def tokens(self) -> int:
        """Tokens to see."""
        return self.schedule[-1][0]

    def shortened(self, tokens: int) -> "Recipe":
        """The same recipe with its whole schedule squeezed into fewer tokens, or stretched over more."""
        factor = tokens / self.tokens
        points = [(round(place * factor), share) for place, share in self.schedule]
        return replace(self, schedule=tuple(points))

    def sha256(self) -> str:
        """The hash of the settings; a checkpoint of other settings is not resumed."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


_MENTAL = Phase(101, Mixture(sorts=(0.60, 0.16, 0.07, 0.11, 0.01, 0.05), mental_steps=(0.35, 0.55, 0.05, 0.05)))
"""Arithmetic without thinking is learned slowly, and only by much practice."""
_TOOLS = Phase(
    181,
    Mixture(
        sorts=(0.30, 0.14, 0.18, 0.28, 0.01, 0.09),
        mental_steps=(0.15, 0.75, 0.05, 0.05),
        lookups=(0.30, 0.50, 0.08, 0.12),
        declared=0.45,
        stripped=0.45,
        max_length=1200,
    ),
    Behaviour(mentions=0.4, budget=0.5, hint_at_end=0.28),
)
"""Searches bring passages as an index finds them, and tools and budgets are met more often."""
_REASONER = Recipe(
    "reasoner",
    Shape(layers=5, width=160, heads=5),
    schedule=(
        (0, 0.05),
        (950_000, 1.0),
        (16_000_000, 1.0),
        (29_015_240, 0.4577),
        (44_000_000, 0.0),
        (44_500_000, 0.5),
        (50_000_000, 0.5),
        (64_000_000, 0.0),
    ),
    curriculum=Curriculum((Phase(), _MENTAL, _TOOLS), pools_per_step=1),
)
_VERIFIER = Recipe(
    "verifier",
    Shape(layers=3, width=128, heads=4),
    schedule=((0, 0.05), (200_000, 1.0), (6_000_000, 1.0), (12_000_000, 0.0)),
    reading_pools=15,
)
RECIPES: dict[Role, Recipe] = {"reasoner": _REASONER, "verifier": _VERIFIER}
