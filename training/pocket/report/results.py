"""A whole run, as it is written to pocket.json and read back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from . import (
    arithmetic,
    budgets,
    calibration,
    chains,
    endings,
    judging,
    lookups,
    overlap,
    overthinking,
    sampling,
    verifying,
)
from .parts import Settings


class OfReasoner(msgspec.Struct, frozen=True, kw_only=True):
    """What the measurements of the reasoner found."""

    chains: chains.Results
    overthinking: overthinking.Results
    arithmetic: arithmetic.Results
    lookups: lookups.Results
    endings: endings.Results
    budgets: budgets.Results
    sampling: sampling.Results
    judging: judging.Results
    calibration: calibration.Results
    overlap: overlap.Results


class Measured(OfReasoner, frozen=True, kw_only=True):
    """What every measurement found."""

    verifying: verifying.Results


class Outcome(msgspec.Struct, frozen=True):
    """One goal, and what was found."""

    goal: str
    bound: str
    found: str
    met: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All counts, and under what they were made."""

    format: int = 1
    command: str
    settings: Settings
    versions: dict[str, str]
    machine: dict[str, str]
    seconds: float
    """Of this call alone where a run was resumed."""
    turns: int
    """Of the model, those kept from a broken-off run too; a single token that was looked at is one."""
    errors: dict[str, int]
    """Failures of requests, by part and message; each counts as wrong."""
    outcomes: list[Outcome]
    measured: Measured

    def save(self, path: Path) -> None:
        """Writes the JSON file, whole or not at all."""
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        temporary.replace(path)

    @staticmethod
    def load(path: Path) -> Report:
        """A report that was saved."""
        return msgspec.json.decode(path.read_bytes(), type=Report)
