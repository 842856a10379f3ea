"""scanning.md."""

from collections.abc import Mapping
from typing import NamedTuple

_NOTES = """\
Processor time of the decode loop alone: no engine computes, nothing is sent. "nothing" is the loop without a controller; the
other rows look for what they name and find it, but edit nothing. The text is thinking, or an answer, of the pocket model's tokens,
in paragraphs of some forty, each with a reflection word. An edit drops the last token; what is read again before decoding goes on is
its cost here. Other work on the machine makes times longer; the rows take turns, so that all bear the same.
"""


class Case(NamedTuple):
    """What most of the tokens are part of, and how many an engine hands over at once."""

    channel: str
    delta: int

    @property
    def title(self) -> str:
        """As a column."""
        return f"{self.channel}, {self.delta} at once"


class Row(NamedTuple):
    """One side."""

    micros: Mapping[Case, float]
    """A token."""
    back_ms: float
    tokens: int
    """Where the edit was made."""

    def record(self) -> dict[str, float]:
        """As it is written down."""
        return {case.title: micros for case, micros in self.micros.items()} | {"back_ms": self.back_ms}


def render(setting: Mapping[str, str], figures: Mapping[str, Row]) -> str:
    """Setting, one table, and what its rows mean."""
    first = next(iter(figures.values()))
    cases = list(first.micros)
    titles = [f"{case.title}, \u00b5s a token" for case in cases] + [f"an edit at token {first.tokens:,}, ms"]
    lines = [
        "# What it costs to look for boundaries",
        "",
        "By `make bench-scanning`. " + ", ".join(f"{name}: {value}" for name, value in setting.items()) + ".",
        "",
        "| looked for | " + " | ".join(titles) + " |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name, row in figures.items():
        values = [f"{row.micros[case]:.2f}" for case in cases] + [f"{row.back_ms:.2f}"]
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join([*lines, "", _NOTES])
