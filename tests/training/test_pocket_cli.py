import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flyball.cli.pocket import pocket
from flyball.tools.passages import load_passages
from flyball.training.evaluate.questions import load_questions
from flyball.training.pocket.hashes import freeze, frozen
from flyball.training.pocket.world.documents import documents
from flyball.training.pocket.world.sets import questions


def test_questions_are_written_one_json_object_a_line(tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    arguments = ["--set", "chain", "--n", "3", "--seed", "5", "--difficulty", "2", "--difficulty", "9"]
    done = CliRunner().invoke(pocket, ["questions", *arguments, "--out", str(out)])
    assert done.exit_code == 0
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [
        {
            "id": q.id,
            "question": q.text,
            "answer": q.answer,
            "difficulty": f"chain {q.difficulty}",
            "grader": "boxed_exact",
        }
        for q in questions("chain", "test", 3, 5, (2, 9))
    ]


def test_the_written_questions_are_those_that_the_evaluation_reads(tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    CliRunner().invoke(pocket, ["questions", "--set", "mixed", "--n", "40", "--out", str(out)])
    read = load_questions(out).questions
    assert [(q.id, q.question) for q in read] == [(q.id, q.text) for q in questions("mixed", "test", 40)]


def test_questions_are_written_to_the_terminal_by_default() -> None:
    done = CliRunner().invoke(pocket, ["questions", "--n", "2", "--split", "validation"])
    assert [json.loads(line)["question"] for line in done.stdout.splitlines()] == [
        q.text for q in questions("mixed", "validation", 2)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "hard"], "there is no set 'hard'"),
        (["--set", "chain", "--difficulty", "13"], "chain has no difficulty 13"),
    ],
)
def test_a_set_or_a_difficulty_that_does_not_exist_is_named(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(pocket, ["questions", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_check_fails_when_a_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("{}")
    freeze(tmp_path)
    assert CliRunner().invoke(pocket, ["check", str(tmp_path)]).exit_code == 0
    (tmp_path / "card.json").write_text("[]")
    done = CliRunner().invoke(pocket, ["check", str(tmp_path)])
    assert done.exit_code == 1
    assert "card.json has changed" in done.output


def test_freezing_writes_the_documents_and_the_hashes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "reasoner").mkdir()
    (tmp_path / "reasoner" / "card.json").write_text("{}")
    done = CliRunner().invoke(pocket, ["freeze", str(tmp_path)])
    assert done.exit_code == 0
    assert load_passages(tmp_path / "corpus.jsonl") == documents()
    assert set(frozen(tmp_path)) == {"corpus.jsonl", "reasoner/card.json"}
    assert CliRunner().invoke(pocket, ["check", str(tmp_path)]).exit_code == 0


def test_training_writes_the_model_and_leaves_nothing_unfinished(tmp_path: Path) -> None:
    train = ["--tokens", "1", "--no-compile", "--out", str(tmp_path)]
    for role in ("reasoner", "verifier"):
        done = CliRunner().invoke(pocket, ["train", role, *train])
        assert done.exit_code == 0, done.output
        card = json.loads((tmp_path / role / "card.json").read_text(encoding="utf-8"))
        assert (card["role"], card["steps"], card["recipe"]["schedule"][-1][0]) == (role, 1, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"reasoner", "verifier"}
