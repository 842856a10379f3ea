"""soak.md, and the verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .soak_look import PARTS, Look
from .trend import WARM_UP, Trend, trend


@dataclass(frozen=True)
class Left:
    """What was there when all conversations had ended, and what was left when the server had."""

    sessions: int
    """That the sandbox had: processes below the zygote, and what /health counts."""
    engine_calls: int
    processes: Sequence[str] = ()
    """Commands of processes that outlived the server."""
    files: Sequence[str] = ()
    """New in the folders for temporary files and shared memory."""
    grown_files: int = 0
    """Descriptors that the server had open more than before the conversations."""


@dataclass(frozen=True)
class Soak:
    """All that was seen."""

    at_once: int
    warm_up: float
    """Seconds of the same conversations before the first look: vLLM keeps memory for every size of batch that it meets."""
    seconds: float
    looks: Sequence[Look]
    conversations: Mapping[str, int]
    results: Mapping[str, int]
    answers: Mapping[str, int]
    failures: Sequence[str]
    left: Left
    setting: Mapping[str, str] = field(default_factory=dict)

    def trends(self) -> dict[str, Trend]:
        """Of each part's memory, in MiB."""
        seconds = [each.seconds for each in self.looks]
        return {part: trend(seconds, [getattr(each, part) for each in self.looks]) for part in PARTS}


def verdicts(soak: Soak) -> dict[str, bool]:
    """What the run is to prove, and whether it did."""
    left = soak.left
    called = soak.results.get("ok", 0) >= sum(soak.conversations.values()) > 0
    return {
        f"no failure in {sum(soak.conversations.values()):,} conversations": not soak.failures,
        f"Python was called ({sum(soak.results.values()):,} times), in every conversation at least once on average": called,
        **{f"memory of the {part} is flat": one.flat() for part, one in soak.trends().items()},
        "no session and no call of the engine is left after the last conversation": not left.sessions
        + left.engine_calls,
        "no process is left after the server": not left.processes,
        "no temporary file is left": not left.files,
        "no descriptor is left open": left.grown_files <= _FEW_FILES,
    }


_FEW_FILES = 4
"""Connections that are just being closed."""


def render(soak: Soak) -> str:
    """Verdict, figures, samples."""
    return "\n".join(
        [
            "# Conversations with Python over time",
            "",
            f"By `make bench-soak`: `flyball serve` with the pocket model on vLLM, {soak.at_once} conversations at once for "
            f"{soak.seconds:.0f} s, after {soak.warm_up:.0f} s of the same. "
            + ", ".join(f"{name}: {value}" for name, value in soak.setting.items())
            + ".",
            "",
            *(f"- {'yes' if holds else '**NO**'}: {claim}" for claim, holds in verdicts(soak).items()),
            "",
            f"Conversations: {_told(soak.conversations)}.",
            f"Calls of Python by status: {_told(soak.results)}. Answers: {_told(soak.answers)}.",
            "",
            *_trends(soak),
            "",
            "| s | conversations | server, MiB | engine, MiB | zygote, MiB | processes of sessions | other processes | server's files |",
            "|---" * 8 + "|",
            *map(_row, soak.looks),
            "",
            *_failures(soak),
        ]
    )


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items())) or "none"


def _trends(soak: Soak) -> Iterator[str]:
    yield f"Memory after the first {WARM_UP:.0%} of the time (resident; 95% interval, neighbouring samples taken as alike):"
    yield ""
    yield "| | mean, MiB | MiB per minute | grown in that time, at most |"
    yield "|---" * 4 + "|"
    for part, one in soak.trends().items():
        most = max(0.0, one.high * one.minutes)
        yield f"| {part} | {one.mean:.1f} | {one.per_minute:+.2f} ± {one.margin:.2f} | {most:.1f} MiB, {most / max(one.mean, 1e-9):.1%} |"


def _row(look: Look) -> str:
    return (
        f"| {look.seconds:.0f} | {look.conversations:,} | {look.server:.1f} | {look.engine:.1f} | {look.zygote:.1f} "
        f"| {look.sessions} | {look.processes} | {look.files} |"
    )


def _failures(soak: Soak) -> Iterator[str]:
    for title, what in (("Failures", soak.failures), ("Left", [*soak.left.processes, *soak.left.files])):
        if what:
            yield from (f"## {title}", "", *(f"- {each}" for each in what[:50]), "")
