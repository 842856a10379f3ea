"""What is exported is what was stored, column by column, in both forms."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from flyball.core.trajectory import replay
from flyball.server.traces.export import writing
from flyball.server.traces.export.columns import Cells, Kind
from flyball.server.traces.export.tables import TABLES
from flyball.server.traces.export.writing import write_jsonl, write_parquet
from flyball.server.traces.records import EpisodeRecord, Feedback, trajectory_record

from .records import HINT, NOON, episode, eventful
from .told import told, told_episode

RATED = (
    Feedback(by="a", score=1.0, label="good", created=NOON),
    Feedback(by="b", score=0.0, comment="“no”", created=NOON),
)


def records() -> list[EpisodeRecord]:
    """One that reads well, one with every event and odd floats, one that never began."""
    return [
        told_episode(feedback=RATED),
        episode("odd", trajectories=[trajectory_record(eventful(), 0, 2**62)]),
        episode("none", trajectories=[], flyball=None, preset=None),
    ]


def rows(table: str) -> list[Cells]:
    return list(TABLES[table].rows(records(), None))


def told_apart(value: Any) -> Any:
    """nan equals nan."""
    return [repr(each) if isinstance(each, float) else each for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_every_column(table: str) -> None:
    names = [column.name for column in TABLES[table].columns]

    assert len(set(names)) == len(names)
    assert rows(table) and all(list(row) == names for row in rows(table))


@pytest.mark.parametrize("table", TABLES)
def test_parquet_gives_back_what_was_written(table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, with types and meanings; JSON columns are text."""
    monkeypatch.setattr(writing, "BATCH", 2)
    path = tmp_path / "out.parquet"
    assert write_parquet(TABLES[table], iter(rows(table)), path) == len(rows(table))

    read = pyarrow.parquet.read_table(path)
    as_json = {column.name for column in TABLES[table].columns if column.kind is Kind.JSON}
    back = [
        {name: json.loads(value) if name in as_json and value is not None else value for name, value in row.items()}
        for row in read.to_pylist()
    ]
    for found, row in zip(back, rows(table), strict=True):
        whole = json.loads(json.dumps({name: row[name] for name in as_json}))
        assert {k: told_apart(v) for k, v in found.items()} == {k: told_apart(v) for k, v in (row | whole).items()}
    meanings = [field.metadata[b"meaning"].decode() for field in read.schema]
    assert meanings == [column.meaning for column in TABLES[table].columns]


@pytest.mark.parametrize("table", TABLES)
def test_json_lines_give_back_what_was_written(table: str) -> None:
    """Times as ISO 8601; numbers that JSON does not have are null."""
    file = io.StringIO()
    assert write_jsonl(iter(rows(table)), file) == len(rows(table))

    for line, row in zip(file.getvalue().splitlines(), rows(table), strict=True):
        found = json.loads(line)
        assert list(found) == list(row)
        assert datetime.fromisoformat(found["created"]) == row["created"]
        assert found.get("logprobs") == _finite(row.get("logprobs"))


def _finite(values: list[float] | None) -> list[float | None] | None:
    return None if values is None else [None if isnan(value) or value < -1e308 else value for value in values]


def test_an_empty_export_is_a_file_with_columns(tmp_path: Path) -> None:
    assert write_parquet(TABLES["decisions"], [], tmp_path / "none.parquet") == 0

    assert pyarrow.parquet.read_table(tmp_path / "none.parquet").column_names == [
        column.name for column in TABLES["decisions"].columns
    ]


def test_an_export_holds_one_batch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows are asked for than a batch beyond what is written."""
    monkeypatch.setattr(writing, "BATCH", 3)
    asked, most = 0, 0
    original = pyarrow.parquet.ParquetWriter.write_table

    def written(self: Any, table: Any) -> None:
        nonlocal asked, most
        most = max(most, asked)
        asked = 0
        original(self, table)

    def endless() -> Iterator[Cells]:
        nonlocal asked
        for row in rows("episodes") * 5:
            asked += 1
            yield row

    monkeypatch.setattr(pyarrow.parquet.ParquetWriter, "write_table", written)
    assert write_parquet(TABLES["episodes"], endless(), tmp_path / "out.parquet") == 15
    assert most == 3


def test_an_episode_has_its_answers_scores_and_counts() -> None:
    row, odd, none = rows("episodes")

    assert row["answers"] == ["It is 42."]
    assert (row["score"], row["label"], [each["by"] for each in row["feedback"]]) == (0.5, "good", ["a", "b"])
    assert row["dropped"] == told().tally().dropped > 0
    assert odd["answers"] is None and odd["controllers"] == ["trimr"]
    assert (none["sampled"], none["score"], none["label"], none["flyball"]) == (0, None, None, None)


def test_an_answer_ends_where_a_stop_string_began() -> None:
    trajectory = told()
    assert trajectory.finished is not None
    trajectory.finished.answer_chars = 5
    record = told_episode(trajectories=[trajectory_record(trajectory)])

    (row,) = TABLES["episodes"].rows([record], None)
    assert row["answers"] == ["It is"]


def test_a_trajectory_has_what_a_trainer_needs() -> None:
    row, odd = rows("trajectories")

    assert row["ids"] == told().ids and row["prompt_ids"] == told().prompt_ids
    assert row["text"].startswith("<think>") and "guess" not in row["text"]
    spans = [(span["channel"], span["origin"]) for span in row["spans"]]
    assert spans == [(str(run.channel), str(run.origin)) for run, _ in told().spans()]
    assert (odd["seed"], odd["text"]) == (2**62, None)
    assert len(odd["logprobs"]) == len(replay(eventful().log).ids)


def test_a_decision_has_what_came_of_its_episode() -> None:
    told_hint, hint = rows("decisions")

    assert (hint["candidates"], hint["chosen"], hint["probability"]) == (["a", "b", "c"], ["b"], HINT.probability)
    assert (hint["features"], hint["policy_version"]) == ({"entropy": 0.1, "length": 12.0}, "7")
    assert (told_hint["score"], told_hint["label"], hint["score"]) == (0.5, "good", None)
