"""The Python code of a response."""

from __future__ import annotations

import ast
import re
import textwrap

from .plain_data import parsed

_FENCED = re.compile(r"```(?:python|py|Python)?[^\S\n]*\n(.*?)(?:^[^\S\n]*```|\Z)", re.DOTALL | re.MULTILINE)


def code_of(content: str, prelude: str, entry_point: str) -> str | None:
    """A program that defines `entry_point`, None where the response holds none.

    That is the last fenced block that defines it, else all blocks, else the text itself, else the text as the rest of
    `prelude`, which ends in the function's head as HumanEval's prompts do.

    Example: code_of("    return x + 1", "def f(x):\\n", "f") == "def f(x):\\n    return x + 1"
    """
    blocks = [textwrap.dedent(block) for block in _FENCED.findall(content)]
    whole = [*reversed(blocks), *(["\n".join(blocks)] if blocks else []), content]
    rest = [prelude + ("" if prelude.endswith("\n") else "\n") + part for part in (*_FENCED.findall(content), content)]
    return next((text for text in [*whole, *rest] if defines(text, entry_point)), None)


def defines(code: str, name: str) -> bool:
    """Whether it is Python, and makes something of this name at its top level."""
    tree = parsed(code)
    return any(
        node.name == name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        else isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        for node in (tree.body if tree else ())
    )
