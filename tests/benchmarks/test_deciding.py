"""The benchmark of decisions: every work runs, and has its figures."""

from click.testing import CliRunner

from benchmarks.deciding.run import main


def test_every_work_has_its_figures_for_questions_of_both_lengths() -> None:
    result = CliRunner().invoke(main, ["--smoke"])

    assert result.exception is None, result.output
    rows = [line.split(" | ") for line in result.output.splitlines() if line.startswith("| ") and "p50" not in line]
    assert len(rows) == 6
    assert all(float(cell.strip(" |")) >= 0 for row in rows for cell in row[2:])
