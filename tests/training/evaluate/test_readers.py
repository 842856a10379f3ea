"""Question files in the common forms: found out from their fields, or refused with line and fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.training.evaluate.questions import Code, Question, QuestionSet, load_questions
from flyball.training.evaluate.readers import READERS, detect, load_reader

BOX = "\n\nPut your final answer within \\boxed{}."
GPQA = {
    "Record ID": "rec1",
    "Question": "Which one?",
    "Correct Answer": "right ",
    "Incorrect Answer 1": "wrong 1",
    "Incorrect Answer 2": "wrong 2",
    "Incorrect Answer 3": "wrong 3",
    "High-level domain": "Physics",
}
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def add(a, b):\n    """Adds."""\n',
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
}


def load(tmp_path: Path, *records: Any, **options: Any) -> QuestionSet:
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return load_questions(path, **options)


def only(found: QuestionSet) -> Question:
    (question,) = found.questions
    return question


def test_our_own_form_is_sent_as_it_stands(tmp_path: Path) -> None:
    """Numbers become text, blank lines and unknown fields are nothing, the limit counts from the front."""
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"id": 1, "question": "2+2", "answer": 4, "difficulty": 3, "source": "x"}\n\n'
        '{"question": "ü", "answer": "0.5", "grader": "boxed_exact"}\n',
        encoding="utf-8",
    )

    found = load_questions(path)
    assert found.reader == "flyball"
    assert found.questions == [
        Question("1", "2+2", "4", difficulty="3"),
        Question("line 3", "ü", "0.5", grader="boxed_exact"),
    ]
    assert load_questions(path, limit=1).questions == found.questions[:1]


def test_gsm8k_is_known_by_the_mark_in_its_answers(tmp_path: Path) -> None:
    """What stands behind the last #### is the answer, graded as a number."""
    found = load(tmp_path, {"question": "How many?", "answer": "48/2 = <<48/2=24>>24\n#### 1,024"})

    assert found.reader == "gsm8k"
    assert only(found) == Question("gsm8k-1", "How many?" + BOX, "1,024", grader="numeric")


@pytest.mark.parametrize(
    ("fields", "answer", "difficulty"),
    [
        (
            {"solution": r"so \boxed{1} or \boxed{\frac{1}{2}}.", "level": "Level 4", "type": "Algebra"},
            r"\frac{1}{2}",
            4,
        ),
        ({"solution": r"\boxed{1}", "answer": "2", "level": 5, "unique_id": "x"}, "2", 5),
    ],
)
def test_math_has_its_answer_in_the_box_or_in_a_field(
    tmp_path: Path, fields: dict[str, Any], answer: str, difficulty: int
) -> None:
    """The level is the difficulty, as a number or as text."""
    found = load(tmp_path, {"problem": "P", **fields})

    assert found.reader == "math"
    name = fields.get("unique_id", "math-1")
    assert only(found) == Question(name, "P" + BOX, answer, difficulty=f"Level {difficulty}", grader="math")


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"problem": "P", "answer": "073", "solution": "s", "year": 2024}, "aime-1"),
        ({"ID": "2024-I-3", "Problem": "P", "Answer": 73, "Year": 2024}, "2024-I-3"),
    ],
)
def test_aime_is_known_by_its_year(tmp_path: Path, record: dict[str, Any], name: str) -> None:
    """Both spellings of the fields; graded as a number, so that 073 is 73."""
    found = load(tmp_path, record)
    question = only(found)

    assert found.reader == "aime"
    assert (question.id, question.question, question.difficulty, question.grader) == (
        name,
        "P" + BOX,
        "2024",
        "numeric",
    )
    assert int(question.answer) == 73


def test_gpqa_shuffles_its_options_by_seed_and_id(tmp_path: Path) -> None:
    """The same every time; over seeds and ids the right one stands at each letter about as often."""
    question = only(load(tmp_path, GPQA))
    assert question == only(load(tmp_path, GPQA))
    assert question.choices["ABCD".index(question.answer)] == "right"
    assert all(
        f"({letter}) {choice}" in question.question for letter, choice in zip("ABCD", question.choices, strict=True)
    )
    assert (question.id, question.difficulty, question.grader) == ("rec1", "Physics", "choice")

    by_id = load(tmp_path, *(GPQA | {"Record ID": f"r{number}"} for number in range(400))).questions
    letters = [question.answer for question in by_id]
    assert all(70 <= letters.count(letter) <= 130 for letter in "ABCD")
    assert {only(load(tmp_path, GPQA, seed=seed)).answer for seed in range(40)} == set("ABCD")


def test_humaneval_brings_its_tests(tmp_path: Path) -> None:
    """The prompt is the code's beginning, and `check` is called."""
    found = load(tmp_path, HUMANEVAL)
    question = only(found)

    assert found.reader == "humaneval"
    assert question.grader == "unit_tests"
    assert HUMANEVAL["prompt"].strip() in question.question
    assert question.code == Code("add", [f"{HUMANEVAL['test']}\n\ncheck(add)\n"], HUMANEVAL["prompt"])


def test_mbpp_names_the_function_that_its_first_test_calls(tmp_path: Path) -> None:
    """Builtins around the call are not it; every assertion is a test of its own."""
    tests = ["assert set(similar((3, 4), (4, 5))) == {4}", "assert similar((1,), (2,)) == ()"]
    found = load(
        tmp_path, {"task_id": 2, "text": "Write it.", "code": "x", "test_list": tests, "test_setup_code": "import math"}
    )
    question = only(found)

    assert found.reader == "mbpp"
    assert question.code == Code("similar", tests, "import math")
    assert tests[0] in question.question and tests[1] not in question.question


def test_another_form_may_be_said(tmp_path: Path) -> None:
    """An answer with the mark in our own form."""
    found = load(tmp_path, {"question": "Q", "answer": "#### 4"}, reader="flyball")

    assert only(found) == Question("line 1", "Q", "#### 4")


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([{"id": "a", "question": "x", "answer": "1"}, {"id": "b"}], r"line 2: .*its fields: id"),
        ([{"id": "a", "question": "x", "answer": "1"}] * 2, "line 2: the id 'a' is there already"),
        ([{"foo": 1, "bar": 2}], r"line 1: no form .* the fields foo, bar; known: gpqa"),
        ([{}], r"line 1: no form .* \(none\)"),
        ([{"question": "Q", "answer": "#### 4"}, {"question": "Q", "answer": "5"}], r'line 2: .*"#### …"'),
        ([{"problem": "P", "solution": "no box"}], r"line 1: the solution has no \\boxed answer; its fields: problem"),
        ([GPQA, {name: value for name, value in GPQA.items() if name != "Incorrect Answer 2"}], "line 2: .*Answer 2"),
        ([{"prompt": "P", "test_list": ["assert 1 == 1"]}], "line 1: the first test calls no function"),
        ([{"prompt": "P", "test_list": ["assert ("]}], "line 1: the first test is no Python"),
        ([{"prompt": "P", "test_list": [1]}], "line 1: the field 'test_list' is no list of texts"),
        ([{"id": "a", "question": "x", "answer": "1", "code": {"tests": []}}], "line 1: .*entry_point"),
        ([[1]], "line 1"),
        ([], "no questions"),
    ],
)
def test_a_file_that_fits_no_form_is_refused(tmp_path: Path, records: list[Any], complaint: str) -> None:
    """The error says in which line, and which fields there are."""
    with pytest.raises(ConfigError, match=complaint):
        load(tmp_path, *records)


def test_a_line_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """With its number."""
    path = tmp_path / "q.jsonl"
    path.write_text("\nnonsense\n")
    with pytest.raises(ConfigError, match=r"q\.jsonl, line 2"):
        load_questions(path)


def test_an_unknown_reader_is_refused() -> None:
    """The error lists the known ones."""
    with pytest.raises(ConfigError, match="known: gpqa"):
        load_reader("gsm9k")


def test_every_name_leads_to_a_reader_that_refuses_what_is_not_its_own() -> None:
    """The table has no dead entries."""
    for name in READERS:
        with pytest.raises(ConfigError):
            load_reader(name)({}, 1, 0)
    assert detect({"prompt": "", "test": "", "entry_point": ""}) == "humaneval"
