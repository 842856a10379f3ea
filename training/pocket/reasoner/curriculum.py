"""What the reasoner's training examples are made of, and what comes when."""

from dataclasses import dataclass, field
from typing import Literal

from ..world.chain import MAX_STEPS
from .behaviour import BEHAVIOUR, Behaviour

StrippedTurn = Literal["last", "any"]


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the examples are made of, in shares of the examples."""

    sorts: tuple[float, ...] = (0.27, 0.27, 0.15, 0.20, 0.03, 0.08)
    """mental, chain, big, lookup, blind, judging."""
    mental_steps: tuple[float, ...] = (0.3, 0.5, 0.1, 0.1)
    """Chains of 1, 2, 3 steps, and any longer one, answered without thinking."""
    lookups: tuple[float, ...] = (0.45, 0.35, 0.12, 0.08)
    """one_hop, two_hop, lookup_chain, pair."""
    declared: float = 0.12
    """Chains and sums with declared tools."""
    useless_tool: float = 0.08
    """Lists of tools that hold one which no question needs."""
    system: float = 0.10
    earlier_turn: float = 0.05
    stripped: float = 0.35
    """Conversations with tools whose earlier thinking was stripped from the history."""
    stripped_turn: StrippedTurn = "last"
    """Which turn is learned then: the last, or any behind the first, so that a second search is met there, too."""
    max_length: int = 1000
    """Longer examples, in tokens, are drawn again."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the training with one mixture and one behaviour."""

    first_pool: int = 0
    mixture: Mixture = field(default_factory=Mixture)
    behaviour: Behaviour = BEHAVIOUR


@dataclass(frozen=True, slots=True)
class Curriculum:
    """What comes when, counted in pools of examples."""

    phases: tuple[Phase, ...] = (Phase(),)
    """In the order of their first pools; the first one begins with pool 0."""
    pools_per_step: int = 0
    """Pools after which chains grow by one step, from 2 to 12; 0 means every length at once."""

    @classmethod
    def constant(cls, behaviour: Behaviour = BEHAVIOUR, mixture: Mixture | None = None) -> "Curriculum":
        """One phase from the first pool on, with chains of every length."""
        return cls((Phase(0, mixture or Mixture(), behaviour),))

    def most_steps(self, pool: int) -> int:
        """The longest chain of a pool."""
        return min(2 + pool // self.pools_per_step, MAX_STEPS) if self.pools_per_step else MAX_STEPS

    def phase(self, pool: int) -> Phase:
        """The phase of a pool."""
        return [phase for phase in self.phases if phase.first_pool <= pool][-1]

    def final(self) -> "Curriculum":
        """The last phase from the first pool on, with chains of every length: what the trained model is measured on."""
        return Curriculum.constant(self.phases[-1].behaviour, self.phases[-1].mixture)
