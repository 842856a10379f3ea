"""What a study asks: its runs, as a TOML file has them."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from flyball.training.evaluate.arms import Arm

HERE = Path(__file__).resolve().parent
TOKENS_A_SECOND = 2500
"""About what two cores decode for 64 requests of the pocket model at once."""


class Scale(NamedTuple):
    """How much is asked."""

    questions: int
    samples: int


WHOLE = Scale(1000, 4)
"""What figures that are shown are made of; less is a trial."""


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `flyball eval`: a set of questions, put to some arms on one server."""

    name: str
    why: str
    """Why these questions, and why so long."""
    set: str
    """Of the pocket world."""
    difficulty: list[int] = []
    """Those to draw from; none: the set's own."""
    server: str = "plain"
    """A file in servers/."""
    traces: bool = False
    """Store the trajectories, for what is computed from them."""
    sampling: dict[str, Any]
    samples: int | None = None
    """In place of the study's, where each request consists of several samples already."""
    concurrency: int = 64
    tokens: int
    """About what one request takes, for the estimate."""
    baselines: bool = False
    """Ask the iso-token baselines, too."""
    reuse: list[str] = []
    """Runs as STUDY/RUN whose plain responses serve here, too."""
    arms: list[Arm]

    def scaled(self, scale: Scale) -> Scale:
        """How much this run asks. One sample instead of four stays one."""
        return scale if self.samples is None else scale._replace(samples=min(self.samples, scale.samples))

    def minutes(self, scale: Scale) -> float:
        """About how long it takes; baselines count as much again.

        Example: 5 arms, 1,000 questions, 4 samples of 350 tokens are 7 million tokens: 47 minutes.
        """
        questions, samples = self.scaled(scale)
        requests = len(self.arms) * questions * samples * (2 if self.baselines else 1)
        return requests * self.tokens / TOKENS_A_SECOND / 60


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study's title, and what it asks."""

    title: str
    runs: list[Run]


def load_plan(study: str, folder: Path = HERE / "studies") -> Plan:
    """The plan of a study, by its name."""
    return msgspec.convert(tomllib.loads((folder / f"{study}.toml").read_text(encoding="utf-8")), Plan)
