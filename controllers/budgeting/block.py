"""The block that tells the model what is used and what remains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from ...core.ledger import SECONDS, TOKENS, USD, Ledger, tool_calls
from ..controller import Setting

Form = Literal["generic", "search_agent"]
Shown = Literal["tokens", "seconds", "usd"]

_ITEMS: Mapping[Shown, tuple[str, str]] = {
    "tokens": ("Token", TOKENS),
    "seconds": ("Seconds", SECONDS),
    "usd": ("Dollar", USD),
}
_SEARCH_LABELS = {"search": "Query", "web_search": "Query", "fetch": "URL"}
_ENDING = "Make the best use of the available resources."
_PREFIX = tool_calls("")


def limited_tools(setting: Setting) -> tuple[str, ...]:
    """The tools that the model has and that the request's budget limits, in the budget's order."""
    has = setting.tools | ({setting.fenced} if setting.fenced is not None else set())
    limited = (item.removeprefix(_PREFIX) for item in setting.budget if item.startswith(_PREFIX))
    return tuple(name for name in limited if name in has)


class BudgetBlock:
    """Writes the block. `inflate` is added to the calls that are said to remain: the control with wrong numbers.

    Example, of python with 4 calls of which 1 was made: "<budget>\\npython Budget Used: 1, python Budget Remaining: 3\\n
    Make the best use of the available resources.\\n</budget>".
    """

    def __init__(self, tools: Sequence[str], shows: Sequence[Shown], form: Form, inflate: int) -> None:
        self._form, self._inflate = form, inflate
        self._labels: dict[str, str] = {}
        for name in tools:
            label = _SEARCH_LABELS.get(name, name) if form == "search_agent" else name
            self._labels[tool_calls(name)] = name if label in self._labels.values() else label
        self._shows = tuple(dict.fromkeys(shows))

    def text(self, ledger: Ledger) -> str:
        """The block; empty when there is nothing to tell of."""
        entries = [
            _entry(label, used, remaining + self._inflate, "{:g}")
            for item, label in self._labels.items()
            for used, remaining in [_figures(ledger, item)]
        ]
        entries += [
            _entry(label, used, remaining, "${:.4g}" if item == USD else "{:.0f}")
            for label, item in (_ITEMS[name] for name in self._shows)
            for used, remaining in [_figures(ledger, item)]
        ]
        if not entries:
            return ""
        inside = ", ".join(entries) if self._form == "search_agent" else "\n".join([*entries, _ENDING])
        return f"<budget>\n{inside}\n</budget>"


def _figures(ledger: Ledger, item: str) -> tuple[float, float]:
    """Used and remaining; of a limit that several trajectories share, what all of them have used."""
    remaining, limit = ledger.remaining(item), ledger.limit(item)
    return (ledger.spent(item) if limit == math.inf else max(0.0, limit - remaining)), remaining


def _entry(label: str, used: float, remaining: float, form: str) -> str:
    left = "unlimited" if remaining == math.inf else form.format(remaining)
    return f"{label} Budget Used: {form.format(used)}, {label} Budget Remaining: {left}"
