"""The benchmark of scanning: its sides edit nothing, and its report has every side and figure."""

from click.testing import CliRunner

from benchmarks.scanning.arms import ARMS
from benchmarks.scanning.report import Case, Row, render
from benchmarks.scanning.run import main


def test_every_side_runs_and_none_makes_an_edit() -> None:
    result = CliRunner().invoke(main, ["--smoke"])

    assert result.exception is None, result.output
    assert all(f"| {name} |" in result.output for name in ARMS)


def test_the_report_has_a_figure_for_every_case() -> None:
    thinking, answer = Case("thinking", 1), Case("answer", 8)
    text = render({"cores": "2"}, {"nothing": Row({thinking: 2.5, answer: 0.5}, 0.25, 10_000)})

    assert (
        "| thinking, 1 at once, \u00b5s a token | answer, 8 at once, \u00b5s a token | an edit at token 10,000, ms |"
        in text
    )
    assert "| nothing | 2.50 | 0.50 | 0.25 |" in text
    assert "cores: 2" in text
