"""Fills {query}, {k} and {key} into a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_HOLE = re.compile(r"\{(query|k|key)\}")


def fill(template: str, values: Mapping[str, str], quote: Callable[[str], str] = str) -> str:
    """The text with its holes filled in one pass: a query that says {key} stays as it is.

    Example: fill("?q={query}", {"query": "a b"}, quote_plus) is "?q=a+b".
    """
    return _HOLE.sub(lambda hole: quote(values[hole[1]]), template)


def fill_json(template: Any, values: Mapping[str, str]) -> Any:
    """The same in every string of a JSON value; a string that is {k} alone becomes the number."""
    if isinstance(template, dict):
        return {key: fill_json(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_json(value, values) for value in template]
    if template == "{k}":
        return int(values["k"])
    return fill(template, values) if isinstance(template, str) else template
