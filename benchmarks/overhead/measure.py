"""One measurement: send the requests of a cell, and look at the clocks of everybody involved."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import uvloop

from .arms import Arm
from .load import LoadError, Sample, Target, check_tokens, drive
from .processes import Usage, look
from .results import Cell, Growth
from .servers import Running
from .settings import Settings
from .workload import bodies

_WARM_BURST = 16
_PIECES = 8  # events that make a stream, and not an answer sent in one piece
_IDLE_SECONDS = 5.0
_SETTLE_SECONDS, _SETTLE_TRIES, _RESTING_CORES = 0.25, 20, 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """Which measurement of a run this is."""

    repeat: int
    turn: int
    concurrency: int
    streaming: bool


class Meter:
    """Measures arms against the running servers."""

    def __init__(self, settings: Settings, servers: Mapping[str, Running]) -> None:
        self._settings, self._servers = settings, servers
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()

    def warm_up(self, arm: Arm) -> None:
        """Requests that are not counted: compiled kernels, filled pools, imported modules."""
        for number in range(self._settings.warm_up_rounds):
            for streaming in (False, True):
                self._send(arm, 32, 16, streaming, f"warm-up {arm.name} {number}")

    def idle(self) -> dict[str, float]:
        """Cores that each server uses while nothing is asked."""
        self._settle()
        before = self._look()
        time.sleep(_IDLE_SECONDS)
        after = self._look()
        return {name: after[name].cpu_since(before[name]) / _IDLE_SECONDS for name in self._servers}

    def cell(self, arm: Arm, place: Place) -> Cell:
        """Measure one arm. Errors: LoadError when an answer was not what was asked for."""
        self._settle()
        burst = min(_WARM_BURST, place.concurrency)
        salt = f"{arm.name} {place}"
        self._send(arm, burst, burst, place.streaming, f"burst {salt}")
        before, client, begun = self._look(), time.process_time(), time.perf_counter()
        samples = self._send(arm, self._settings.requests[place.concurrency], place.concurrency, place.streaming, salt)
        seconds, client = time.perf_counter() - begun, time.process_time() - client
        after = self._look()
        cpu = {name: after[name].cpu_since(before[name]) for name in self._servers}
        return _cell(arm, place, samples, seconds, client, self._shares(arm, cpu))

    def growth(self, arm: Arm) -> Growth:
        """Memory and descriptors of the arm's server before and after many requests."""
        self._settle()
        pid, count = self._servers[arm.server].pid, self._settings.growth_requests
        before = look(pid)
        self._send(arm, count, 16, False, f"growth {arm.name}")
        time.sleep(1.0)  # let closed connections go
        after = look(pid)
        sizes = (round(before.rss_bytes / 2**20, 1), round(after.rss_bytes / 2**20, 1))
        return Growth(arm.name, count, *sizes, before.descriptors, after.descriptors)

    def _settle(self) -> None:
        """Wait until all servers rest: vLLM's own CPU layout spins for a second after its last request."""
        before = self._look()
        for _ in range(_SETTLE_TRIES):
            time.sleep(_SETTLE_SECONDS)
            after = self._look()
            if sum(after[name].cpu_since(before[name]) for name in after) < _RESTING_CORES * _SETTLE_SECONDS:
                return
            before = after

    def _send(self, arm: Arm, count: int, concurrency: int, streaming: bool, salt: str) -> list[Sample]:
        target = Target("127.0.0.1", self._servers[arm.server].spec.port, key=arm.key)
        requests = bodies(self._settings, arm.extra, count, streaming=streaming, salt=salt)
        try:
            samples = self._runner.run(drive(target, requests, concurrency, streaming=streaming))
            check_tokens(samples, self._settings.tokens)
        except LoadError as error:
            raise LoadError(
                f"{arm.name}, {salt}: {error}; its log ends:\n{self._servers[arm.server].log_end}"
            ) from error
        return samples

    def _look(self) -> dict[str, Usage]:
        return {name: look(server.pid) for name, server in self._servers.items()}

    def _shares(self, arm: Arm, cpu: Mapping[str, float]) -> tuple[float, float, float]:
        """CPU seconds of the arm's server, of its upstream, and of the rest."""
        upstream = self._servers[arm.server].spec.upstream
        behind = cpu[upstream] if upstream is not None else 0.0
        return cpu[arm.server], behind, sum(cpu.values()) - cpu[arm.server] - behind


def _cell(
    arm: Arm, place: Place, samples: Sequence[Sample], seconds: float, client: float, shares: tuple[float, float, float]
) -> Cell:
    tokens = sum(sample.tokens or 0 for sample in samples)
    firsts = [sample.ttft for sample in samples if sample.ttft is not None]
    own, upstream, others = shares
    return Cell(
        arm=arm.name,
        repeat=place.repeat,
        turn=place.turn,
        concurrency=place.concurrency,
        streaming=place.streaming,
        requests=len(samples),
        seconds=round(seconds, 4),
        requests_per_s=round(len(samples) / seconds, 3),
        tokens_per_s=round(tokens / seconds, 1),
        latency_p50_ms=_ms(statistics.median(sample.latency for sample in samples)),
        tpot_p50_ms=_time_per_token(samples),
        ttft_p50_ms=_ms(float(np.percentile(firsts, 50))) if firsts else None,
        ttft_p95_ms=_ms(float(np.percentile(firsts, 95))) if firsts else None,
        events_p50=statistics.median(sample.events for sample in samples),
        server_cpu_s_per_1k=round(1000 * own / tokens, 4),
        upstream_cpu_s_per_1k=round(1000 * upstream / tokens, 4),
        client_cores=round(client / seconds, 3),
        other_cores=round(others / seconds, 3),
    )


def _time_per_token(samples: Sequence[Sample]) -> float | None:
    spans = [
        (sample.end - (sample.first or sample.start)) / max(1, (sample.tokens or 1) - (sample.first is not None))
        for sample in samples
        if sample.first is None or sample.events >= _PIECES
    ]
    return _ms(statistics.median(spans)) if spans else None


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
