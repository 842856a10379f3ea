"""What the sandbox counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..tools.result import Status
from .sources.python import PythonSource

_COUNTS = {
    "sessions_started": "Sessions that were started.",
    "sessions_refused": "Sessions that could not be started, or for which there was no room.",
    "sessions_lost": "Sessions that ended with a cell: killed for being late, by a limit, by their own doing.",
    "sessions_evicted": "Sessions that were ended for others, for their memory, or for being idle.",
}


class SandboxCollector(Collector):
    """Reads the sandbox's counters when somebody asks; there is nothing while no sandbox runs."""

    def __init__(self, python: PythonSource) -> None:
        self._python = python

    def collect(self) -> Iterator[Metric]:
        """All of them, by tier."""
        sessions = self._python.sessions
        if sessions is None:
            return
        tier, counted = [str(sessions.backend.tier)], sessions.metrics
        for name, help in _COUNTS.items():
            counts = CounterMetricFamily(f"flyball_sandbox_{name}", help, labels=["tier"])
            counts.add_metric(tier, getattr(counted, name))
            yield counts
        cells = CounterMetricFamily(
            "flyball_sandbox_cells", "Cells that have ended, by how.", labels=["tier", "status"]
        )
        for status in Status:
            cells.add_metric([*tier, status], counted.cells[status])
        yield cells
        seconds = CounterMetricFamily("flyball_sandbox_cell_seconds", "Time that cells took.", labels=["tier"])
        seconds.add_metric(tier, counted.cell_seconds)
        yield seconds
        for name, help, now in (
            ("sessions", "Sessions alive.", len(sessions)),
            ("cells_running", "Cells that run.", counted.cells_running),
        ):
            gauge = GaugeMetricFamily(f"flyball_sandbox_{name}", help, labels=["tier"])
            gauge.add_metric(tier, now)
            yield gauge
