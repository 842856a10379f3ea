"""scanning.md."""

from collections.abc import Mapping
from typing import NamedTuple

_NOTES = """\
Microseconds of processor time a token, of the decode loop alone: no engine computes, nothing is sent. "nothing" is the loop without
a controller; the other rows look for what they name and find it, but edit nothing (only a hint at the end of the thinking is
given). The text is thinking, or an answer, of the pocket model's tokens, in paragraphs of some forty, each with a reflection word.
"""


class Case(NamedTuple):
    """What most of the tokens are part of, and how many an engine hands over at once."""

    channel: str
    delta: int

    @property
    def title(self) -> str:
        """As a column."""
        return f"{self.channel}, {self.delta} at once"


def render(setting: Mapping[str, str], figures: Mapping[str, Mapping[Case, float]]) -> str:
    """Setting, one table, and what its rows mean."""
    cases = list(next(iter(figures.values())))
    lines = [
        "# What it costs to look for boundaries",
        "",
        "By `make bench-scanning`. " + ", ".join(f"{name}: {value}" for name, value in setting.items()) + ".",
        "",
        "| looked for | " + " | ".join(case.title for case in cases) + " |",
        "|---" * (len(cases) + 1) + "|",
    ]
    for name, row in figures.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[case]:.2f}" for case in cases) + " |")
    return "\n".join([*lines, "", _NOTES])
