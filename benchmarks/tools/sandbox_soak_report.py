"""sandbox_soak.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What was there at one moment."""

    seconds: float
    """Since the first session."""
    sessions: int
    """That had ended by then."""
    server_mib: float
    zygote_mib: float
    server_files: int
    zygote_files: int
    processes: int
    """Below the server's: the zygote's and the living sessions'."""


def render(setting: Mapping[str, str], samples: Sequence[Sample], lived: Mapping[str, int], left: int) -> str:
    """Setting, samples, and what they come to."""
    return "\n".join(
        [
            "# The sandbox over time",
            "",
            "By `make bench-sandbox-soak`. " + ", ".join(f"{name}: {v}" for name, v in setting.items()) + ".",
            "",
            "Sessions, by what they lived through: " + ", ".join(f"{name} {n:,}" for name, n in lived.items()) + ".",
            "",
            "| s | sessions | server, MiB | zygote, MiB | server's files | zygote's files | processes |",
            "|---" * 7 + "|",
            *map(_row, samples),
            "",
            *_drift(samples),
            f"Processes left after the end: {left}.",
            "",
            "Memory is proportional: what processes share counts once, so the zygote's share falls while sessions live.",
            "",
        ]
    )


def _row(sample: Sample) -> str:
    return (
        f"| {sample.seconds:.0f} | {sample.sessions:,} | {sample.server_mib:.1f} | {sample.zygote_mib:.1f} "
        f"| {sample.server_files} | {sample.zygote_files} | {sample.processes} |"
    )


def _drift(samples: Sequence[Sample]) -> list[str]:
    """From a quarter of the time on, as caches fill at first; the last sample is taken when no session lives."""
    early, late = samples[len(samples) // 4], samples[-1]
    grown, sessions = late.server_mib - early.server_mib, late.sessions - early.sessions
    return [
        f"From {early.seconds:.0f} s to {late.seconds:.0f} s the server's memory grew by {grown:.1f} MiB over {sessions:,} sessions.",
        f"With no session left the server has {late.server_files} files open, the zygote {late.zygote_files}.",
        "",
    ]
