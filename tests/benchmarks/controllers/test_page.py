"""The page: what is there is shown, what is not is said to be missing, and nothing is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from benchmarks.controllers.arms_table import UNEXPLAINED
from benchmarks.controllers.findings import Asked, Findings, Goal, Part, Table, without_rows
from benchmarks.controllers.page import render, write_page
from benchmarks.controllers.run import STUDIES, main
from benchmarks.controllers.storing import load_parts, save_part
from flyball.training.evaluate.arms import Arm
from flyball.training.evaluate.baselines import Baseline
from flyball.training.evaluate.questions import Question
from flyball.training.evaluate.report import Report, make_report

from .rows_by_hand import report, row

BUDGET: dict[str, Any] = {"controllers": [{"name": "deer"}]}


def beside_baseline(*, better: bool) -> Report:
    """deer is right on both questions; its capped baseline on both, or on none."""
    arms = [Arm("plain"), Arm("deer", BUDGET)]
    rows = [row(id, arm) for id in "ab" for arm in ("plain", "deer")]
    rows += [row(id, "deer · capped", correct=not better) for id in "ab"]
    capped = Baseline(name="deer · capped", kind="capped", parent="deer", tokens=9, arm=Arm("deer · capped"))
    settings = report(rows, arms).settings
    return make_report(settings, [Question(id, "?", "1") for id in "ab"], rows, {}, baselines=[capped])


def part(study: str, found: Report | None = None, **more: Any) -> Part:
    findings = Findings(
        goals=[Goal(f"goal of {study}", "≥ 1", "2", True)], tables=[Table("Own", [["", "x"], ["y", "1"]])]
    )
    asked = (
        []
        if found is None
        else [Asked(name="chains", why="Because.", commands=["flyball eval"], report=without_rows(found))]
    )
    values: dict[str, Any] = {
        "questions": 1000,
        "samples": 4,
        "machine": {"cores": "2"},
        "asked": asked,
        "findings": findings,
    }
    return Part(study=study, title=f"Title of {study}", **(values | more))


def page(*parts: Part, why: dict[str, Any] | None = None) -> str:
    return render({each.study: each for each in parts}, ["trimr", "family"], why or {}, {})


def test_a_study_that_has_not_run_is_said_to_be_missing() -> None:
    text = page(part("trimr"))

    assert "**Not run: family.**" in text
    assert "| goal of trimr | ≥ 1 | 2 | met |" in text
    assert "goal of family" not in text and "Title of family" not in text


def test_nothing_is_missing_when_all_are_there() -> None:
    assert "Not run" not in page(part("trimr"), part("family"))


def test_a_run_of_a_study_that_was_not_made_is_said_to_be_missing() -> None:
    assert "**Not run: votes, gate.**" in page(part("trimr"), part("family", missing=["votes", "gate"]))


def test_a_trial_says_that_it_is_one() -> None:
    assert "A trial of 8 questions and 1 samples" in page(part("trimr", questions=8, samples=1))
    assert "A trial" not in page(part("trimr"))


def test_an_arm_that_ties_its_capped_baseline_needs_a_sentence() -> None:
    text = page(part("family", beside_baseline(better=False)))

    (line,) = [line for line in text.splitlines() if line.startswith("| deer ")]
    assert line.endswith(f"| {UNEXPLAINED} |") and "ties: +0.0" in line
    (plain,) = [line for line in text.splitlines() if line.startswith("| plain ")]
    assert plain.endswith("| - |")


def test_the_sentence_stands_in_the_row() -> None:
    text = page(
        part("family", beside_baseline(better=False)), why={"family": {"chains": {"deer": "It is sure at once."}}}
    )

    assert "| It is sure at once. |" in text and UNEXPLAINED not in text


def test_an_arm_above_its_capped_baseline_needs_none() -> None:
    text = page(part("family", beside_baseline(better=True)))

    assert UNEXPLAINED not in text and "above: +100.0" in text


def test_requests_that_failed_are_told_of() -> None:
    rows = [row("a"), row("b", error="HTTP 500", correct=None)]

    assert "- plain: 1 of 2 requests failed, 0 were not graded" in page(part("trimr", report(rows, ["plain"])))
    assert "failed" not in page(part("trimr", report(rows[:1], ["plain"])))


def test_parts_are_read_as_they_were_saved(tmp_path: Path) -> None:
    made = part("trimr", beside_baseline(better=True))
    save_part(made, tmp_path)

    assert load_parts(tmp_path) == {"trimr": made}


def test_the_page_has_its_plots_and_its_goals_as_data(tmp_path: Path) -> None:
    parts = {"family": part("family", beside_baseline(better=True))}
    write_page(parts, STUDIES, tmp_path)

    assert "![Accuracy against tokens](controllers.family.chains.png)" in (tmp_path / "controllers.md").read_text()
    assert (tmp_path / "controllers.family.chains.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((tmp_path / "controllers.json").read_text())
    assert [goal["title"] for goal in found["goals"]] == ["goal of family"]
    assert found["missing"] == [name for name in STUDIES if name != "family"]


def test_the_command_makes_the_page_of_what_is_there(tmp_path: Path) -> None:
    save_part(part("trimr"), tmp_path / "controllers" / "parts")
    result = CliRunner().invoke(main, ["--page", "--out", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert "Title of trimr" in (tmp_path / "controllers.md").read_text()
