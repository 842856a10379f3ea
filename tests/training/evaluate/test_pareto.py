"""The plot: what is on the frontier, and that names cover neither each other nor points. Looked at by eye, too."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from flyball.core.errors import ConfigError
from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.baselines import Baseline
from flyball.training.evaluate.pareto import check_plot, draw, frontier, save_plot, spots_of
from flyball.training.evaluate.questions import Question, QuestionSet
from flyball.training.evaluate.report import Report, make_report
from flyball.training.evaluate.rows import Row
from flyball.training.evaluate.settings import define

QUESTIONS = [Question(str(number), "?", "1") for number in range(20)]
ARMS = [Arm("plain"), *(Arm(f"a controller {number}", {"tools": []}) for number in range(5))]


def rows(arm: str, tokens: int, right: int, usd: float) -> list[Row]:
    return [
        Row(
            question=question.id,
            arm=arm,
            sample=0,
            seed=0,
            seconds=1.0,
            correct=number < right,
            grader="math",
            answer="1",
            completion_tokens=tokens + 5 * (number % 5),
            ledger={"usd": {"spent": usd}},
        )
        for number, question in enumerate(QUESTIONS)
    ]


def report(usd: float = 0.001, arms: int = 6) -> Report:
    """Points close together, some of them the same; every arm but plain has baselines."""
    settings = define(
        QuestionSet("q.jsonl", "0", QUESTIONS),
        ARMS[:arms],
        model="m",
        samples=1,
        seed=0,
        sampling={},
        concurrency=1,
        timeout=1.0,
    )
    found, baselines = rows("plain", 200, 16, usd), []
    for number, arm in enumerate(settings.arms[1:]):
        found += rows(arm.name, 100 + 10 * number, 15 + number % 3, usd * (0.5 + number / 10))
        for kind, tokens in (("capped", 90), ("no_thinking", 20), ("vote", 100)):
            name = f"{arm.name} · {kind}"
            baselines.append(Baseline(name=name, kind=kind, parent=arm.name, tokens=tokens, arm=Arm(name)))  # type: ignore[arg-type]
            found += rows(name, tokens + 4 * number, 10 + number, usd * tokens / 200)
    return make_report(settings, QUESTIONS, found, {}, baselines=baselines)


def test_the_frontier_leaves_out_what_another_one_beats() -> None:
    """As cheap and as right is beaten by itself only once."""
    assert frontier([(30, 70), (10, 50), (20, 80), (40, 90), (20, 75)]) == [(10, 50), (20, 80), (40, 90)]
    assert frontier([(10, 50), (10, 50), (20, 50)]) == [(10, 50)]


def test_a_point_has_its_figures_and_intervals() -> None:
    """Plain: 200 + 0, 5, 10, 15, 20 tokens are 210 in the mean; 16 of 20 right; 1 dollar per 1000 requests."""
    spot = spots_of(report(), "tokens")[0]

    assert (spot.x, spot.y) == (210, 80)
    assert spot.x_interval is not None and spot.x_interval[0] < 210 < spot.x_interval[1]
    assert spots_of(report(), "dollars")[0].x == pytest.approx(1.0)
    assert spots_of(report(usd=0.0), "dollars") == []


def drawn(figure: Figure) -> list[list[Annotation]]:
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return [[text for text in axis.texts if isinstance(text, Annotation) and text.get_text()] for axis in figure.axes]


def test_every_point_is_named_and_few_names_overlap() -> None:
    """Two panels with 21 points each; no name covers another one, and each lies inside of its panel."""
    figure = draw(report())
    assert figure is not None
    for axis, names in zip(figure.axes, drawn(figure), strict=True):
        boxes = [name.get_window_extent() for name in names]
        assert len(boxes) == 21
        assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        inside = axis.get_window_extent()
        assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)


def test_a_picture_says_what_it_shows() -> None:
    """n, axes, what bars are; one panel where dollars are not known."""
    figure = draw(report(usd=0.0, arms=2))
    assert figure is not None
    (axis,) = figure.axes

    assert "n = 20 questions" in figure.get_suptitle() and "95% intervals" in figure.get_suptitle()
    assert "tokens per request" in axis.get_xlabel() and axis.get_ylabel() == "right, %"


@pytest.mark.parametrize("name", ["p.png", "p.svg", "p.pdf"])
def test_a_picture_is_saved(tmp_path: Path, name: str) -> None:
    """In three formats."""
    check_plot(tmp_path / name)
    save_plot(report(arms=2), tmp_path / name)

    assert (tmp_path / name).stat().st_size > 1000


def test_a_report_without_figures_gives_no_picture(tmp_path: Path) -> None:
    """And no file."""
    empty = make_report(report().settings, QUESTIONS, [], {})

    assert draw(empty) is None
    save_plot(empty, tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_a_picture_is_refused(tmp_path: Path) -> None:
    """Before hours of asking."""
    with pytest.raises(ConfigError, match="must end in"):
        check_plot(tmp_path / "p.txt")
