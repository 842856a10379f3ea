"""flyball replay trimr: stored traces, cut where TrimR would have cut them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flyball.cli.main import cli
from flyball.controllers.formats.registry import load_format
from flyball.controllers.trimming.rules import Rules
from flyball.controllers.verifying.model import ModelVerifier
from flyball.controllers.verifying.prompts import PLAIN
from flyball.controllers.verifying.stated import StatedVerifier
from flyball.core.errors import ConfigError
from flyball.core.events import Acted, Channel, Finished, FinishReason, Origin
from flyball.core.trajectory import Trajectory
from flyball.data import REASONER
from flyball.server.traces.records import EpisodeRecord, trajectory_record
from flyball.server.traces.writer import TraceWriter
from flyball.training.replay.grid import Grader, Point, cut_of, points, row
from flyball.training.replay.thinking import Segment, Thinking, recorded
from flyball.training.replay.verdicts import NoModel, OneModel, Verdict, judge
from tests.controllers.auxiliaries import Auxiliary

FORMAT = load_format("pocket", str(REASONER))
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def thought(results: str) -> str:
    """A thought for each letter: a result, or a dot for none."""
    return "\n\nWait, ".join("I am not there." if one == "." else f"So the result is {one}." for one in results)


def stored(number: int, results: str, answer: str, *, acted: bool = False) -> EpisodeRecord:
    trajectory = Trajectory(FORMAT.encode("<think>\n"))
    trajectory.append(FORMAT.encode(thought(results)), Channel.THINK, Origin.SAMPLED)
    trajectory.append(FORMAT.encode("</think>"), Channel.THINK, Origin.SAMPLED, marker=True)
    trajectory.append(FORMAT.encode(f"\n\nIt is \\boxed{{{answer}}}."), Channel.ANSWER, Origin.SAMPLED)
    if acted:
        trajectory.note(Acted(position=1, controller="x", boundary="start", detected=1, edits=["Inject"]))
    trajectory.note(Finished(position=len(trajectory.ids), reason=FinishReason.STOP, by="model"))
    return EpisodeRecord(
        id=f"chatcmpl-{number}",
        created=BEGUN + timedelta(seconds=number),
        model="pocket",
        messages=[{"role": "user", "content": f"question {number}"}],
        outcome="stop",
        seconds=1.0,
        trajectories=[trajectory_record(trajectory)],
    )


TRACES = [stored(0, "4444", "4"), stored(1, "77799", "9"), stored(2, "5..5", "5"), stored(3, "66", "6", acted=True)]
ANSWERS = {"question 0": "4", "question 1": "9", "question 2": "5"}


def thinkings(records: Iterable[EpisodeRecord] = TRACES) -> list[Thinking]:
    return recorded(records, FORMAT, 5).thinkings


def test_a_trace_is_read_as_the_loop_would_have_seen_it() -> None:
    first, second, third = thinkings()
    assert "".join(first.text) == thought("4444")
    assert [segment.passage for segment in second.segments] == [
        "So the result is 7.",
        *("Wait, So the result is " + digit + "." for digit in "779"),
    ]
    assert third.segments[1].tokens == len(FORMAT.encode(thought("5.")))
    assert [thinking.answer for thinking in (first, second, third)] == ["4", "9", "5"]


def test_edited_traces_are_skipped() -> None:
    assert recorded(TRACES, FORMAT, 5).skipped == 1


async def figures(point: Point, budget: int = 1000) -> Any:
    found = thinkings()
    return await row(point, found, await judge(found, StatedVerifier(), NoModel()), budget, Grader(ANSWERS))


async def test_a_cut_that_comes_before_the_correction_is_a_false_stop() -> None:
    found = thinkings()
    seen = await figures(Point(2, 1.0, 100))
    behind = len(FORMAT.encode(thought("4444"))) - len(FORMAT.encode(thought("444")))
    behind += len(FORMAT.encode(thought("77799"))) - len(FORMAT.encode(thought("777")))
    assert seen.saved == pytest.approx(behind / sum(thinking.tokens for thinking in found))
    assert (seen.cut, seen.mild, seen.known) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 3)
    assert (seen.accuracy_full, seen.accuracy_cut) == (1.0, pytest.approx(2 / 3))
    assert seen.false_stops == pytest.approx(1 / 3)


async def test_nothing_is_cut_by_rules_that_never_hold() -> None:
    seen = await figures(Point(9, 1.0, 100))
    assert (seen.cut, seen.saved, seen.accuracy_cut, seen.false_stops) == (0, 0, 1.0, 0)


SEGMENTS = tuple(Segment(10 * number, f"{number}") for number in range(1, 6))
THOUGHT = Thinking("q", SEGMENTS, ("x",) * 60, None)
NEVER, ALWAYS = [Verdict(False)] * 5, [Verdict(True, number > 0) for number in range(5)]


@pytest.mark.parametrize(
    ("verdicts", "rules", "cut"),
    [
        (NEVER, Rules(2, 1000, 20), (None, False)),
        (NEVER, Rules(2, 1000, 3), (40, False)),
        (NEVER, Rules(2, 24, 20), (25, False)),
        (NEVER, Rules(2, 55, 20), (56, False)),
        (NEVER, Rules(2, 60, 20), (None, False)),
        (NEVER, Rules(2, 24, 4, both=True), (50, False)),
        (NEVER, Rules(2, 55, 4, both=True), (56, False)),
        (ALWAYS, Rules(2, 1000, 20), (30, True)),
        (ALWAYS, Rules(2, 25, 20), (26, False)),
        (ALWAYS, Rules(4, 1000, 20), (50, True)),
    ],
)
def test_the_earliest_rule_cuts(verdicts: list[Verdict], rules: Rules, cut: tuple[int | None, bool]) -> None:
    assert cut_of(THOUGHT, verdicts, rules) == cut


async def test_a_model_judges_the_same_passages() -> None:
    model = Auxiliary(lambda text: "No" if "not there" in text else "Yes")
    verdicts = await judge(thinkings(TRACES[2:3]), ModelVerifier("any", PLAIN), OneModel(model))
    assert verdicts == [[Verdict(True), Verdict(False), Verdict(False)]]
    assert model.asked[0].startswith("Question: question 2\nPassage: So the result is 5.\n")


def test_a_grid_is_every_combination() -> None:
    assert points([2, 1, 2], [0.5], [5]) == [Point(1, 0.5, 5), Point(2, 0.5, 5)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A trace store with the traces."""
    path = tmp_path / "traces.sqlite"
    writer = TraceWriter(f"sqlite:///{path}")
    for record in TRACES:
        writer.write(record)
    assert writer.close()
    return path


def test_the_command_prints_a_table_and_saves_it_and_two_runs_are_the_same(store: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    lines = [{"id": text, "question": text, "answer": answer} for text, answer in ANSWERS.items()]
    questions.write_text("\n".join(map(json.dumps, lines)))
    args = [
        "replay",
        "trimr",
        "--traces",
        str(store),
        "--questions",
        str(questions),
        "--m",
        "2",
        "--r",
        "1",
        "--n",
        "100",
    ]
    saved = [tmp_path / "grid.json", tmp_path / "grid.md", tmp_path / "again.json"]
    first = CliRunner().invoke(cli, [*args, "--out", str(saved[0]), "--out", str(saved[1])], catch_exceptions=False)
    second = CliRunner().invoke(cli, [*args, "--out", str(saved[2])], catch_exceptions=False)
    assert (first.exit_code, first.output) == (0, second.output)
    assert "33.3" in first.output and "false stops" in first.output
    assert saved[0].read_bytes() == saved[2].read_bytes()
    assert json.loads(saved[0].read_text())["rows"][0]["false_stops"] == pytest.approx(1 / 3)
    assert saved[1].read_text().startswith("| M | R | N |")


def test_the_command_says_what_cannot_be_replayed(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no trace store"):
        CliRunner().invoke(cli, ["replay", "trimr", "--traces", str(tmp_path / "no.sqlite")], catch_exceptions=False)
    empty = TraceWriter(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    empty.close()
    with pytest.raises(ConfigError, match="no trace can be replayed"):
        CliRunner().invoke(cli, ["replay", "trimr", "--traces", str(tmp_path / "empty.sqlite")], catch_exceptions=False)
