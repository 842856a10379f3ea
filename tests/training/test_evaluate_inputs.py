"""Questions, arms and graders: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.training.evaluate.arms import Arm, check_arms, check_sampling, load_arms, parse_arm
from flyball.training.evaluate.graders import GRADERS, grade, load_grader
from flyball.training.evaluate.questions import Question, load_questions


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# -- questions --------------------------------------------------------------------------------------------------------


def test_questions_are_read_line_by_line(tmp_path: Path) -> None:
    """Numbers become text, blank lines and unknown fields are nothing, the limit counts from the front."""
    path = write(
        tmp_path / "q.jsonl",
        '{"id": 1, "question": "2+2", "answer": 4, "difficulty": 3, "source": "x"}\n\n'
        '{"id": "b", "question": "ü", "answer": "0.5", "grader": "boxed_exact"}\n',
    )

    found = load_questions(path)
    assert found.questions == [
        Question("1", "2+2", "4", difficulty="3"),
        Question("b", "ü", "0.5", grader="boxed_exact"),
    ]
    assert load_questions(path, limit=1) == (found.name, found.sha256, found.questions[:1])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"id": "a", "question": "x", "answer": "1"}\n{"id": "b"}\n', "line 2"),
        ('{"id": "a", "question": "x", "answer": "1"}\n' * 2, "there already"),
        ("[1]\n", "line 1"),
        ("nonsense\n", "line 1"),
        ("\n", "no questions"),
    ],
)
def test_a_file_that_holds_no_questions_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """The error says in which line."""
    with pytest.raises(ConfigError, match=complaint):
        load_questions(write(tmp_path / "q.jsonl", text))


# -- arms -------------------------------------------------------------------------------------------------------------

TRIMR = Arm("trimr", {"controllers": [{"name": "trimr"}]}, {"temperature": 0.5})


def test_arms_are_read_from_toml_and_json(tmp_path: Path) -> None:
    """Both say the same."""
    toml = write(
        tmp_path / "arms.toml",
        '[[arms]]\nname = "plain"\n'
        '[[arms]]\nname = "trimr"\nflyball.controllers = [{name = "trimr"}]\nsampling = {temperature = 0.5}\n',
    )
    arms = [{"name": "plain"}, {"name": "trimr", "flyball": TRIMR.flyball, "sampling": TRIMR.sampling}]
    as_json = write(tmp_path / "arms.json", json.dumps({"arms": arms}))

    assert load_arms(toml) == load_arms(as_json) == [Arm("plain"), TRIMR]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.toml", "arms = 3"), ("a.toml", "arms = ["), ("a.json", "{"), ("a.json", '{"arms": [{"name": "a", "n": 2}]}')],
)
def test_an_arms_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """A misspelt field is an error, too: it would silently change what is compared."""
    with pytest.raises(ConfigError, match=name):
        load_arms(write(tmp_path / name, text))


def test_an_arm_is_read_from_the_command_line() -> None:
    """A name alone sends no flyball block; after `=` stands the block, in which `=` may occur."""
    assert parse_arm("plain") == Arm("plain")
    assert parse_arm('x={"strategy": {"name": "a=b"}}') == Arm("x", {"strategy": {"name": "a=b"}})
    with pytest.raises(ConfigError, match="'x'"):
        parse_arm("x=[1]")


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [Arm("a"), Arm("a")],
        [Arm("")],
        [Arm("a", sampling={"n": 2})],
        [Arm("a", sampling={"stream": True})],
        [Arm("a", sampling={"seed": "x"})],
    ],
)
def test_arms_that_cannot_be_compared_are_refused(arms: list[Arm]) -> None:
    """None, twice the same name, or an override of what the harness sets itself."""
    with pytest.raises(ConfigError):
        check_arms(arms)


def test_common_sampling_is_checked_like_that_of_an_arm() -> None:
    """The error says where it stands."""
    check_sampling({"temperature": 0.6, "seed": 3}, "sampling")
    with pytest.raises(ConfigError, match=r"sampling: messages"):
        check_sampling({"messages": []}, "sampling")


# -- graders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "answer", "correct"),
    [
        (r"\boxed{3}, no, \boxed{ 4 }", " 4 ", True),
        (r"\boxed{4}, no, \boxed{3}", "4", False),
        (r"\boxed{4.0}", "4", False),
        ("4", "4", False),
        ("", "", False),
    ],
)
async def test_an_exact_answer_is_the_last_boxed_one_letter_for_letter(
    content: str, answer: str, correct: bool
) -> None:
    """A response without a boxed answer is wrong, never anything else."""
    assert await grade(load_grader("boxed_exact"), content, answer) is correct


async def test_a_mathematical_answer_may_be_written_differently() -> None:
    """In one test, as the process that compares ends with the task that began it."""
    grader = load_grader("math")

    assert await grade(grader, r"so \boxed{\frac{1}{2}}", "0.5") is True
    assert await grade(grader, r"so \boxed{\frac{1}{2}}", "0.25") is False
    assert await grade(grader, "one half", "0.5") is False


async def test_a_grader_may_be_any_function() -> None:
    """Named by its dotted path; plain functions will do."""
    assert await grade(load_grader("operator.contains"), "the answer is 4", "4") is True


def test_every_short_name_leads_to_a_grader() -> None:
    """The table has no dead entries."""
    assert all(callable(load_grader(name)) for name in GRADERS)


@pytest.mark.parametrize("name", ["maths", "no.such.module", "flyball.core.answers.nothing", ""])
def test_an_unknown_grader_is_refused(name: str) -> None:
    """The error lists the known ones."""
    with pytest.raises(ConfigError, match="boxed_exact"):
        load_grader(name)
