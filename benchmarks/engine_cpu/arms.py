"""The arms: one engine each, set in another way, and the places at which each is measured."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Under what an engine is measured."""

    name: str
    concurrency: int = 1
    neighbour: bool = False
    """Beside a process that keeps one core busy."""
    resumed: bool = False
    """Calls that go on from an edit, in place of new ones."""


ONE = Place("1 call", 1)
SOME = Place("16 calls", 16)
MANY = Place("64 calls", 64)
CROWDED = Place("64 calls beside a busy process", 64, neighbour=True)
RESUMED = Place("a call that goes on from an edit", resumed=True)
PLACES = (ONE, SOME, MANY, CROWDED, RESUMED)


@dataclass(frozen=True, slots=True)
class Arm:
    """One engine: what is set over Flyball's own settings for a CPU."""

    name: str
    title: str
    places: Sequence[Place]
    args: Mapping[str, Any] = field(default_factory=dict)
    """vLLM's engine arguments."""
    env: Mapping[str, str] = field(default_factory=dict)


DEFAULT = "default"
"""The arm with which the others are compared: what Flyball sets by itself."""
BLOCK_SIZES = (64, 128)
"""Besides the default of 32. vLLM on a CPU takes multiples of 32 only."""
SERIAL = "serial"


def make_arms() -> dict[str, Arm]:
    """Every arm, the default first."""
    cores = len(os.sched_getaffinity(0))
    split, threads = {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}, {"OMP_NUM_THREADS": str(cores)}
    layout = (MANY, CROWDED)
    arms = (
        Arm(DEFAULT, "Flyball's own settings", PLACES),
        *(Arm(f"block-{n}", f"blocks of {n}", (MANY, RESUMED), {"block_size": n}) for n in BLOCK_SIZES),
        Arm("threads", f"threads on all {cores} cores", layout, env=threads),
        Arm("split", "worker in its own process", layout, env=split),
        Arm("split-threads", f"worker in its own process, threads on all {cores} cores", layout, env=split | threads),
        Arm("eager", "not compiled", (ONE, SOME, MANY), {"enforce_eager": True}),
        Arm(SERIAL, "one call after another (`max_num_seqs` 1)", (SOME, MANY), {"max_num_seqs": 1}),
    )
    return {arm.name: arm for arm in arms}
