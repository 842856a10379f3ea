"""Changes the text in plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ChangeText = Callable[[str], str]


def changed(value: Any, change: ChangeText) -> Any:
    """A copy in which every text is changed, keys of mappings too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {changed(key, change): changed(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([changed(item, change) for item in value])
    return value


def changed_except(value: Any, change: ChangeText, kept: frozenset[str]) -> Any:
    """A copy in which every text is changed but keys of mappings, and what stands under the `kept` ones."""
    if isinstance(value, Mapping):
        return {key: item if key in kept else changed_except(item, change, kept) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([changed_except(item, change, kept) for item in value])
    return change(value) if isinstance(value, str) else value
