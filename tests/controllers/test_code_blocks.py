"""Code between fences, followed piece by piece: whether text stands inside of it."""

import pytest

from flyball.controllers.code_blocks import CodeBlocks, ends_in_code

INSIDE = [
    "```python\n",
    "a\n```python\nprint(1)\n",
    "  ```json\n{}\n",
    "```\n",
    "```\n```python\n",
    "```python\nx = '''\n``` x\n'''\n",
    "```python\n1\n``",
    "```python\n1\n``` x",
    "```pyth",
    "a\n```",
    "```a\n1\n```\n```b\n",
]
OUTSIDE = [
    "",
    "a",
    "a `b`\n",
    "``",
    "x ```python\n",
    "`b\n",
    "```a``` is code\n",
    "```python\n1\n```",
    "```python\n1\n```\n",
    "```python\n1\n  ```  \n",
    "```" + "a" * 300 + "\nb",
]


@pytest.mark.parametrize("text", INSIDE)
def test_what_follows_is_inside_of_code(text: str) -> None:
    assert ends_in_code(text)


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_follows_is_no_code(text: str) -> None:
    assert not ends_in_code(text)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("text", [*INSIDE, *OUTSIDE])
def test_it_does_not_matter_in_which_pieces_text_arrives(text: str, size: int) -> None:
    blocks = CodeBlocks()
    for start in range(0, len(text), size):
        blocks.feed(text[start : start + size])
    assert blocks.inside == ends_in_code(text)
