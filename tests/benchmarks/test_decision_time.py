"""How long decisions take: every work has its figures."""

from benchmarks.controllers.decision_time import decision_times


def test_every_work_has_its_figures_for_questions_of_both_lengths() -> None:
    head, *lines = decision_times(20)

    assert len(lines) == 6
    assert all(len(line) == len(head) and all(float(cell) >= 0 for cell in line[2:]) for line in lines)
