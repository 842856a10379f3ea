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
class Growth:
    """Layers that a network gets in the middle of its training; they change nothing until they have learned."""

    tokens: int
    """When, in tokens seen."""
    after: int
    """The layers below them."""
    layers: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained."""

    role: Role
    shape: Shape
    """At the start; see `growth`."""
    schedule: tuple[tuple[int, float], ...]
    """Share of the learning rate after so many tokens (padding not counted), linear in between; the last point ends the
    run."""
    seed: int = 0
    batch_tokens: int = 6144
    """Padded tokens of a batch."""
    curriculum: Curriculum = field(default_factory=Curriculum)
    growth: Growth | None = None
    middle_layers: int = 0
    """Layers behind which the model is to know what the reply is made of: the reasoner the value behind a question's
    first step, the verifier the two results. 0 means that it is not taught so."""
    middle_from: int = 0
    """Tokens after which that begins."""
    reading_pools: int = 0
    """Pools of the verifier's examples in which the loss is taken on the passages, too."""
    natural_pools: int = 0
    """Pools of the verifier's examples whose pairs are not balanced."""
    facing_from: int = 0
    """The pool of the verifier's examples from which on a middle layer is taught what the second result faces."""
    agreeing_from: int = 0
    """The same for a layer further up, which is taught where the results agree."""
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

    def middle(self, tokens: int) -> int:
        """The layers behind which the first step is to be known, after so many tokens."""
        return self.middle_layers if tokens >= self.middle_from else 0

    def shortened(self, tokens: int) -> "Recipe":
        """The same recipe with its whole schedule squeezed into fewer tokens, or stretched over more."""
        factor = tokens / self.tokens
        points = [(round(place * factor), share) for place, share in self.schedule]
        growth = self.growth and replace(self.growth, tokens=round(self.growth.tokens * factor))
        return replace(self, schedule=tuple(points), growth=growth, middle_from=round(self.middle_from * factor))

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
_LAST = Phase(
    240,
    Mixture(
        sorts=(0.73, 0.06, 0.07, 0.055, 0.005, 0.08),
        mental_steps=(0.2, 0.7, 0.06, 0.04),
        lookups=(0.25, 0.55, 0.08, 0.12),
        declared=0.65,
        stripped=0.5,
        stripped_turn="any",
        max_length=1200,
    ),
    Behaviour(
        mentions=0.4,
        budget=0.5,
        searches_left=(0, 1, 1, 1, 1, 2, 2, 3, 5, 9),
        hint_at_end=0.45,
        verifications=(0.05, 0.08, 0.11, 0.15, 0.19, 0.22, 0.09, 0.07, 0.04),
    ),
)
"""Two steps without thinking come last and take by far the most examples, though less than half of the tokens. Five
verifications are the most likely number, so that a greedy model ends a chain of twelve steps, too."""
_SETTLED = Phase(
    302,
    replace(_LAST.mixture, sorts=(0.42, 0.26, 0.10, 0.13, 0.01, 0.08), declared=0.5),
    replace(
        _LAST.behaviour,
        hint_at_end=0.3,
        verifications=(0.05, 0.09, 0.13, 0.18, 0.25, 0.20, 0.07, 0.02, 0.01),
        full_check_first=False,
    ),
)
"""More thinking again. The more verifications there were, the surer the next thought is the last."""
_BRIEF = Phase(
    322,
    replace(_SETTLED.mixture, sorts=(0.36, 0.32, 0.14, 0.11, 0.01, 0.06), declared=0.6),
    replace(
        _SETTLED.behaviour,
        programs_left=(1, 1, 5, 7, 9, 9),
        hint_at_end=0.35,
        full_check=0.6,
        full_check_again=0.08,
    ),
)
"""One full verification is found early and mostly stays the only one, so that twelve steps end in time, too."""
_READ = Phase(
    338,
    Mixture(
        sorts=(0.24, 0.24, 0.13, 0.30, 0.01, 0.08),
        mental_steps=(0.2, 0.7, 0.06, 0.04),
        lookups=(0.5, 0.35, 0.07, 0.08),
        declared=0.6,
        stripped=0.5,
        stripped_turn="any",
        max_length=1200,
    ),
    _BRIEF.behaviour,
)
"""Passages are read again; one hop, whose words the phases before met least, most of all."""
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
        (64_300_000, 0.5),
        (70_500_000, 0.5),
        (73_700_000, 0.0),
        (73_900_000, 0.3),
        (79_000_000, 0.0),
        (79_200_000, 0.3),
        (84_000_000, 0.0),
        (84_150_000, 0.25),
        (87_500_000, 0.0),
    ),
    curriculum=Curriculum((Phase(), _MENTAL, _TOOLS, _LAST, _SETTLED, _BRIEF, _READ), pools_per_step=1),
    growth=Growth(tokens=67_289_185, after=3, layers=3),
    middle_layers=3,
    middle_from=64_000_000,
)
_VERIFIER = Recipe(
    "verifier",
    Shape(layers=3, width=128, heads=4),
    schedule=(
        (0, 0.05),
        (200_000, 1.0),
        (3_000_000, 1.0),
        (9_000_000, 0.25),
        (14_000_000, 0.3),
        (19_000_000, 0.0),
        (19_200_000, 0.4),
        (27_000_000, 0.4),
        (32_000_000, 0.0),
    ),
    growth=Growth(tokens=19_000_000, after=2, layers=2),
    reading_pools=15,
    natural_pools=60,
    facing_from=141,
    agreeing_from=172,
    middle_layers=2,
    middle_from=10_000_000,
)
RECIPES: dict[Role, Recipe] = {"reasoner": _REASONER, "verifier": _VERIFIER}
