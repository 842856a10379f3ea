import json
from pathlib import Path

from click.testing import CliRunner

from flyball.cli.pocket import pocket
from flyball.training.pocket.chain import questions
from flyball.training.pocket.hashes import freeze


def test_questions_are_written_one_json_object_a_line(tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    done = CliRunner().invoke(pocket, ["questions", "--n", "3", "--seed", "5", "--steps", "2", "--out", str(out)])
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert done.exit_code == 0
    assert rows == [
        {"id": q.id, "question": q.text, "answer": q.answer, "difficulty": 2} for q in questions("test", 3, 5, [2])
    ]


def test_check_fails_when_a_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    freeze(tmp_path)
    assert CliRunner().invoke(pocket, ["check", str(tmp_path)]).exit_code == 0
    (tmp_path / "card.json").write_text("[]")
    done = CliRunner().invoke(pocket, ["check", str(tmp_path)])
    assert done.exit_code == 1
    assert "card.json has changed" in done.output
