"""Budgets of tool calls name tools that are there: a limit that nothing keeps to would be dropped in silence."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..core.errors import RequestError
from ..tools.near import near_names

PARAM = "flyball.budget.tool_calls"


def check_tool_budget(calls: Mapping[str, int], tools: Collection[str]) -> None:
    """`tools` are those that the server runs for the request; the client's own are the client's to limit.

    Errors: RequestError naming a tool that is none of them.
    """
    for name in calls:
        if name not in tools:
            raise RequestError(f"the budget limits calls of {name[:64]!r}, which {_instead(name, tools)}", PARAM)


def _instead(name: str, tools: Collection[str]) -> str:
    if not tools:
        return "the server does not run: the request names no tools of the server"
    near = near_names(name, tools)
    return f"the server does not run for this request; did you mean {' or '.join(near or sorted(tools)[:8])}?"
