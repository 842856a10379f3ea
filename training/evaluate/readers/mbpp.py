"""MBPP: text (or prompt), test_list of assertions, test_setup_code or test_imports."""

from __future__ import annotations

import ast
import builtins

from ....core.errors import ConfigError
from ..questions import Code, Question
from .fields import Record, optional, text, texts


def fits(record: Record) -> bool:
    """Whether there are a task and a list of tests."""
    return "test_list" in record and bool(record.keys() & {"text", "prompt"})


def read(record: Record, number: int, seed: int) -> Question:
    """The question; the function's name is the one that the first test calls."""
    tests = texts(record, "test_list")
    imports = record.get("test_imports")
    setup = [optional(record, "test_setup_code") or "", *(texts(record, "test_imports") if imports else [])]
    ask = "Answer with the whole function in one ```python block. It has to pass this test:"
    return Question(
        id=optional(record, "task_id", "id") or f"mbpp-{number}",
        question=f"{text(record, 'text', 'prompt').strip()}\n\n{ask}\n\n```python\n{tests[0].strip()}\n```",
        answer=optional(record, "code") or "",
        grader="unit_tests",
        code=Code(entry_point=_called(tests[0]), tests=tests, prelude="\n".join(filter(None, setup))),
    )


def _called(test: str) -> str:
    """The function that a test calls first. Example: "assert set(f(1)) == {1}" calls f."""
    try:
        calls = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"the first test is no Python: {error}") from error
    names = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
    ours = [name for name in names if not hasattr(builtins, name)]
    if not ours:
        raise ConfigError("the first test calls no function by its name")
    return ours[0]
