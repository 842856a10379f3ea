"""Actions as models trained with verl-tool write them."""

from __future__ import annotations

import pytest

from flyball.server.verl_actions import read_actions


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("nothing", []),
        ("", []),
        ("```python\nx\n```", [("python", {"code": "x"})]),
        ("```py\nx\n``` and ```python\ny\n```", [("python", {"code": "x\ny"})]),
        ("```python\nx", []),
        ("```pythonic\nx\n```", []),
        ("<python>\nif x:\n    y\n</python>", [("python", {"code": "if x:\n    y"})]),
        ("<search> a b </search><search>c</search>", [("search", {"query": "a b"}), ("search", {"query": "c"})]),
        ('<tool_call>{"name": "f"}</tool_call>', [("f", {})]),
        ('<tool_call>{"name": "f", "arguments": "{}"}</tool_call><python>x</python>', [("f", "{}")]),
        ('<tool_call>{"name": "f", "arguments": [1]}</tool_call>', [("f", "[1]")]),
        ("<tool_call>[]</tool_call>", [("", "[]")]),
    ],
)
def test_the_calls_of_an_action(text: str, calls: list[tuple[str, object]]) -> None:
    assert [(action.tool, action.arguments) for action in read_actions(text)] == calls


@pytest.mark.timeout(10)
@pytest.mark.parametrize("opening", ["<tool_call>", "<python>", "```python\n", "``", "<search>", "```\n"])
def test_an_action_of_many_openings_without_an_end_holds_nobody_up(opening: str) -> None:
    assert len(read_actions(opening * 100_000)) <= 1
