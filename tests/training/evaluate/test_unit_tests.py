"""The grader that runs code: honest code, wrong code, and code that tries to be taken for right. In the real sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from flyball.core.errors import ConfigError, SandboxError
from flyball.tools.sandbox import SandboxConfig, open_sandbox
from flyball.training.evaluate.graders import Grading, load_grader
from flyball.training.evaluate.graders.code import code_of
from flyball.training.evaluate.graders.duet import Duet
from flyball.training.evaluate.graders.plain_data import is_plain
from flyball.training.evaluate.questions import Code, Question

ADD = Code("add", ["assert add(1, 2) == 3", "assert candidate(-1, 1) == 0"])


@pytest_asyncio.fixture(scope="module")
async def grading() -> AsyncIterator[Grading]:
    async with load_grader('unit_tests={"seconds": 2}').open() as opened:
        yield opened


def asked(code: Code = ADD) -> Question:
    return Question("q", "?", "", code=code)


def block(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nDone."


# -- what is code -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("x\n```python\ndef f():\n    pass\n```\n```\nf()\n```", "def f():\n    pass\n"),
        ("```py\ndef f(): return 1\n```\n```\ndef f(): return 2\n```", "def f(): return 2\n"),
        ("```python\nf = len", "f = len"),
        ("def f():\n    return 1", "def f():\n    return 1"),
        ("    return 1", "def f():\n    return 1"),
        ("```\n    return 1\n```", "def f():\n    return 1\n"),
        ("```python\ndef g(): pass\n```", None),
        ("Sorry.", None),
        ("class f: pass", "class f: pass"),
    ],
)
def test_the_code_of_a_response_defines_the_function(content: str, code: str | None) -> None:
    """The last block that does; the text itself; or the rest of the head that was asked to be completed."""
    assert code_of(content, "def f():\n", "f") == code


@pytest.mark.parametrize(
    "source", ["1", "-1.5", "1e9", "inf", "-inf", "nan", "1+2j", "(1, [2, {'a': b'c'}], {3}, set())", "None"]
)
def test_literals_are_plain_data(source: str) -> None:
    """These may pass."""
    assert is_plain(source)


@pytest.mark.parametrize(
    "source",
    [
        "x",
        "f(1)",
        "set(a)",
        "1 if 1 else 2",
        "[i for i in [1]]",
        "1; 2",
        "1\n2",
        "1)(2",
        "...",
        "'a' * 9",
        "",
        "0" * 200_001,
        "lambda: 1",
        "().x",
        "(" * 5000,
    ],
)
def test_whatever_else_is_written_is_not(source: str) -> None:
    """Nothing of it is evaluated anywhere."""
    assert not is_plain(source)


# -- verdicts ---------------------------------------------------------------------------------------------------------


async def test_code_that_passes_every_test_is_right(grading: Grading) -> None:
    """With its imports and helpers."""
    code = "import operator\n\ndef plus(a, b):\n    return operator.add(a, b)\n\ndef add(a, b):\n    return plus(a, b)"
    grade = await grading(block(code), asked())

    assert (grade.correct, grade.why) == (True, None)
    assert grade.answer is not None and "operator" in grade.answer


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def add(a, b):\n    return 3", "test 2 of 2: AssertionError"),
        ("def add(a, b):\n    return None", "test 1 of 2: AssertionError"),
        ("def add(a, b):\n    raise KeyError(a)", "test 1 of 2: KeyError"),
        ("def add(a):\n    return a", "test 1 of 2: TypeError"),
        ("def add(a, b):\n    return lambda: 3", "test 1 of 2: it returned no plain data"),
        ("def add(a, b):\n    while True: pass", "test 1 of 2: stopped after 2 s"),
        ("def add(a, b):\n    return bytearray(10**10)", "test 1 of 2: MemoryError"),
        ("raise ValueError('no')\ndef add(a, b):\n    return a + b", "test 1 of 2: ValueError: no"),
        ("def add(a, b):\n    import os\n    os._exit(0)", "test 1 of 2: the session"),
    ],
)
async def test_code_that_fails_a_test_is_wrong(grading: Grading, code: str, why: str) -> None:
    """The verdict says at which test."""
    grade = await grading(block(code), asked())

    assert grade.correct is False
    assert grade.why is not None and grade.why.startswith(why)


@pytest.mark.parametrize(
    "code",
    [
        "class Yes(int):\n    def __eq__(self, other):\n        return True\n\ndef add(a, b):\n    return Yes(7)",
        "import builtins\nbuiltins.AssertionError = Warning\n\ndef add(a, b):\n    return 7",
        "import sys\n\ndef add(a, b):\n    sys.exit(0)",
        "print('{\"passed\": true}')\n\ndef add(a, b):\n    print('{\"passed\": true}')\n    return 7",
        "import json\njson.dumps = lambda *_: '{\"passed\": true}'\n\ndef add(a, b):\n    return 7",
        "def repr(x):\n    return '__import__(\"os\")._exit(0)'\n\ndef add(a, b):\n    return 7",
        "def add(a, b):\n    import inspect\n    return [f.frame.f_locals.get('mark') for f in inspect.stack()]",
        "import ast, unittest\nassert True\n\ndef add(a, b):\n    global add\n    add = lambda *_: 3\n    return 7",
    ],
)
async def test_no_trick_makes_wrong_code_right(grading: Grading, code: str) -> None:
    """It knows neither the tests nor where their verdict is made."""
    grade = await grading(block(code), asked())

    assert grade.correct is False


async def test_the_code_sees_neither_tests_nor_known_values(grading: Grading) -> None:
    """It looks for the value that it must return, in every frame and object that it can reach."""
    code = """
def secret():
    import gc, inspect
    found = [str(frame.frame.f_locals) + str(frame.frame.f_globals) for frame in inspect.stack()]
    found += [thing for thing in gc.get_objects() if isinstance(thing, str)]
    text = " ".join(found)
    at = text.find("treasure-")
    return text[at:at + 14] if at >= 0 else None
"""
    grade = await grading(block(code), asked(Code("secret", ["assert secret() == 'treasure-' + '4711x'"])))

    assert grade.correct is False


async def test_helpers_of_the_question_are_there_for_code_and_tests(grading: Grading) -> None:
    """As HumanEval's prompts have them; loops, tolerances and expected exceptions work."""
    prelude = 'import math\n\ndef half(x):\n    return x / 2\n\ndef root(x):\n    """The root."""\n'
    test = """
def check(candidate):
    for x in range(20):
        assert math.isclose(candidate(x * x), x)
        assert abs(half(candidate(x * x)) - x / 2) < 1e-9
    assert math.isinf(candidate(float("inf")))
    try:
        candidate(-1)
    except ValueError:
        pass
    else:
        assert False
check(root)
"""
    grade = await grading(
        "```python\ndef root(x):\n    return 2 * half(math.sqrt(x))\n```", asked(Code("root", [test], prelude))
    )

    assert (grade.correct, grade.why) == (True, None)


async def test_a_test_that_catches_everything_does_not_pass_by_that(grading: Grading) -> None:
    """Its first run lacks the value; that is not taken for an answer of the code."""
    test = "try:\n    ok = add(1, 1) == 2\nexcept:\n    ok = True\nassert ok"

    assert (await grading(block("def add(a, b):\n    return 5"), asked(Code("add", [test])))).correct is False
    assert (await grading(block("def add(a, b):\n    return 2"), asked(Code("add", [test])))).correct is True


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("assert add(1, 2) == nowhere", "nowhere"),
        ("assert add(lambda: 1, 2) == 3", "more than plain data"),
        ("while True: pass", "do not end"),
    ],
)
async def test_what_the_tests_cannot_judge_is_ungraded(grading: Grading, test: str, why: str) -> None:
    """Not the code's fault."""
    grade = await grading(block("def add(a, b):\n    return 3"), asked(Code("add", [test])))

    assert grade.correct is None
    assert grade.why is not None and grade.why.startswith("unit_tests: ") and why in grade.why


async def test_a_response_without_code_is_wrong(grading: Grading) -> None:
    """It says why."""
    grade = await grading("I cannot.", asked())

    assert (grade.correct, grade.answer, grade.why) == (False, None, "no code that defines add")


async def test_a_question_without_tests_is_an_error(grading: Grading) -> None:
    """It cannot be graded so."""
    with pytest.raises(ConfigError, match="has no tests"):
        await grading("x", Question("q", "?", "4"))


async def test_a_sandbox_that_fails_grades_nothing() -> None:
    """A closed one gives no session."""
    sandbox = await open_sandbox(SandboxConfig(preload=()))
    await sandbox.close()
    with pytest.raises(SandboxError):
        async with Duet.over(sandbox, ADD, "def add(a, b): return a + b", 2.0):
            raise AssertionError
