"""The soak of the sandbox, for two seconds."""

from __future__ import annotations

from benchmarks.tools.sandbox_soak import LIVES, soak
from benchmarks.tools.sandbox_soak_report import Sample, render
from flyball.tools.sandbox import best_tier


async def test_sessions_of_every_kind_leave_nothing() -> None:
    samples, lived, left = await soak(await best_tier(), 2, len(LIVES), every=0.5)

    assert set(lived) == {life.__name__ for life in LIVES}
    assert samples[-1].sessions == lived.total()
    assert left == 0


def test_the_report_tells_what_grew() -> None:
    samples = [Sample(n, 100 * n, 50 + n, 60, 10, 8, 3) for n in range(1, 5)]
    text = render({"cores": "2"}, samples, {"honest": 400}, left=1)

    assert "From 2 s to 4 s the server's memory grew by 2.0 MiB over 200 sessions" in text
    assert "Processes left after the end: 1." in text
