"""The tools that a client declares and runs: Python and search."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ....tools.corpus_index import CorpusIndex
from ....tools.passages import Passage, format_passages
from ..reasoner.calls import Budget
from .interpreter import run_python
from .rows import Call

PASSAGES = 3
"""Found by one search."""


class Tools(Protocol):
    """What a client offers to the model."""

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The declarations."""

    def run(self, calls: Sequence[Call]) -> list[str]:
        """The results of one turn's calls, in their order."""


class Toolbox:
    """Tools with one argument of text each."""

    def __init__(self, **tools: tuple[str, str, Callable[[str], str]]) -> None:
        """By name: the description, the argument's name, and the function."""
        self._tools = tools

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """As a client makes them from the arguments' types."""
        return [_schema(name, description, argument) for name, (description, argument, _) in self._tools.items()]

    def run(self, calls: Sequence[Call]) -> list[str]:
        """A call that cannot be run has an error as its result."""
        return [self._run(call) for call in calls]

    def _run(self, call: Call) -> str:
        if call.name not in self._tools:
            return f"Error: there is no tool {call.name[:50]!r}"
        _, argument, function = self._tools[call.name]
        try:
            value = json.loads(call.arguments)[argument]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        return function(value) if isinstance(value, str) else f"Error: the argument {argument} is missing"


class Budgeted:
    """Other tools, whose last result of a turn carries the block of a budget."""

    def __init__(self, tools: Tools, budget: Budget) -> None:
        self._tools, self._budget = tools, budget

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """Those of the other tools."""
        return self._tools.schemas

    def run(self, calls: Sequence[Call]) -> list[str]:
        """Runs the calls and counts them."""
        results = self._tools.run(calls)
        self._budget.spend(len(calls))
        return [*results[:-1], f"{results[-1]}\n{self._budget.block()}"]


def python_tool() -> Toolbox:
    """Python alone."""
    return Toolbox(python=("Run Python code.", "code", run_python))


def search_tool(passages: Sequence[Passage]) -> Toolbox:
    """Search alone."""
    return Toolbox(search=("Search the documents.", "query", searcher(passages)))


def all_tools(passages: Sequence[Passage]) -> Toolbox:
    """Both."""
    return Toolbox(
        search=("Search the documents.", "query", searcher(passages)), python=("Run Python code.", "code", run_python)
    )


def searcher(passages: Sequence[Passage]) -> Callable[[str], str]:
    """A function from a query to the passages found, as text."""
    index = CorpusIndex(passages)
    return lambda query: format_passages(index.search(query, PASSAGES))


def _schema(name: str, description: str, argument: str) -> dict[str, Any]:
    parameters = {
        "properties": {argument: {"title": argument.capitalize(), "type": "string"}},
        "required": [argument],
        "title": f"{name.capitalize()}Arguments",
        "type": "object",
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
