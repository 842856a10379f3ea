"""The report on sandboxes says what was measured, what was not possible, and on what a machine."""

from benchmarks.tools.report import render
from benchmarks.tools.timing import p50_ms, p99_ms


def test_every_side_has_its_column_and_what_was_not_measured_stays_empty() -> None:
    results = {
        "ours": {"create_p50_ms": 7.25, "warm_cell_p50_ms": 0.05},
        "theirs": {"create_p50_ms": 90.0},
        "other": None,
    }
    text = render({"cores": "2", "load before the run": "0.10"}, results)

    assert "| start a session, p50, ms | 7.2 | 90.0 |" in text
    assert "| cell in a running session, p50, ms | 0.050 |  |" in text
    assert "Not possible on this system, for this user: other." in text
    assert "loaded by other work" not in text


def test_a_loaded_machine_is_admitted() -> None:
    assert "loaded by other work" in render({"cores": "2", "load before the run": "3.1"}, {})


def test_percentiles_are_in_milliseconds() -> None:
    seconds = [n / 1000 for n in range(1, 101)]

    assert (p50_ms(seconds), p99_ms(seconds)) == (50.5, 100.0)
