"""The engines of a run, one process tree each: starting, ordering, stopping."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.overhead.processes import end, look

from .arms import Arm

_PATIENCE = 300.0
_SETTLE_SECONDS, _SETTLE_TRIES, _RESTING_CORES = 0.25, 12, 0.1


class WorkerError(RuntimeError):
    """An engine did not start or did not answer; carries the end of its log."""


@dataclass(slots=True)
class Worker:
    """An engine that is up."""

    arm: Arm
    process: subprocess.Popen[str]
    log: Path
    start_seconds: float = 0.0

    def order(self, **order: Any) -> dict[str, float]:
        """Let it do something, and wait for the figures."""
        assert self.process.stdin is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, float]:
        """The next line that it writes. Errors: WorkerError."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise WorkerError(f"{self.arm.name} gave no answer; its log ends:\n{tail}")
        figures: dict[str, float] = json.loads(line)
        return figures

    def cpu_seconds(self) -> float:
        """What its process tree has used so far."""
        return sum(look(self.process.pid).cpu_seconds.values())


@contextmanager
def running(arms: Iterable[Arm], model: Path, logs: Path) -> Iterator[dict[str, Worker]]:
    """All engines, started one after another; stopped at the end."""
    with ExitStack() as stack:
        yield {arm.name: stack.enter_context(_started(arm, model, logs)) for arm in arms}


@contextmanager
def _started(arm: Arm, model: Path, logs: Path) -> Iterator[Worker]:
    command = [sys.executable, "-m", "benchmarks.engine_cpu.worker", str(model), json.dumps(dict(arm.args))]
    log = logs / f"{arm.name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            env={**_clean_environment(), **arm.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        )
    worker = Worker(arm, process, log)
    try:
        worker.start_seconds = worker.answer()["seconds"]
        yield worker
    finally:
        end(process)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _clean_environment() -> Mapping[str, str]:
    """This process's, without what the arms are about."""
    about = ("VLLM_ENABLE_V1_MULTIPROCESSING", "OMP_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in about}


def settle(workers: Iterable[Worker]) -> None:
    """Wait until all engines rest: with a worker process of its own vLLM spins for a second after its last request."""
    workers = list(workers)
    before = sum(worker.cpu_seconds() for worker in workers)
    for _ in range(_SETTLE_TRIES):
        time.sleep(_SETTLE_SECONDS)
        after = sum(worker.cpu_seconds() for worker in workers)
        if after - before < _RESTING_CORES * _SETTLE_SECONDS:
            return
        before = after


def busy_seconds() -> float:
    """CPU time that the whole machine has spent on work so far."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice - times.steal)


@contextmanager
def neighbour(wanted: bool) -> Iterator[None]:
    """A process that keeps one core busy, if one is wanted."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        end(process)
