"""Calls are paid from the ledger, or refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from ...core.ledger import USD, tool_calls
from ..result import Result, Status
from ..tool import CallContext, Tool
from .base import Wrapper

_NAMED = 8
"""A refusal names so many other tools at most."""


class Charge(Wrapper):
    """Books one call and its price before it runs; refuses it when the budget has too little left.

    A batched call counts, and costs, as many calls as its batch has entries, and is refused whole.

    A call that turns out dearer than `spec.usd` (`usage.usd` says so) is booked as it is. One that ends as `infra` is
    not counted as a call, as it is not the model's fault; money that was spent stays spent. A refusal names what is
    left of the caller's other tools; where those are not known, of the tools that `others` gives.

    Example: with {"tool_calls.python": 1} the second call is answered: "The budget allows no more calls of 'python'
    (1 used). Left: search 3."
    """

    def __init__(self, inner: Tool, *, others: Callable[[], Iterable[str]] = tuple) -> None:
        super().__init__(inner)
        self._others = others

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, if the ledger covers it."""
        ledger, calls, units = context.ledger, tool_calls(self.spec.name), self.spec.units(arguments)
        price = self.spec.usd * units
        if (left := ledger.remaining(calls)) < 1:
            used = f"{ledger.spent(calls):g} used"
            return self._refused(context, f"The budget allows no more calls of {self.spec.name!r} ({used}).")
        if left < units:
            return self._too_many(units, left)
        if not ledger.try_spend(USD, price):
            money = f"${ledger.remaining(USD):.4g} of the budget are left"
            return self._refused(context, f"A call of {self.spec.name!r} costs ${price:g}; {money}.")
        ledger.charge(calls, units)
        result = await self.inner.call(arguments, context)
        if result.status is Status.INFRA:
            ledger.charge(calls, -units)
        cost = max(price, result.usage.usd)
        ledger.charge(USD, cost - price)
        return replace(result, usage=replace(result.usage, usd=cost))

    def _too_many(self, units: int, left: float) -> Result:
        counts = f"This call counts as {units} calls of {self.spec.name!r}"
        return Result(Status.USER_ERROR, f"{counts}; the budget allows {left:g} more. Ask for fewer at once.")

    def _refused(self, context: CallContext, reason: str) -> Result:
        names = self._others() if context.tools is None else context.tools
        others = ((name, context.ledger.remaining(tool_calls(name))) for name in names if name != self.spec.name)
        left = [_left(name, calls) for name, calls in islice((each for each in others if each[1] >= 1), _NAMED)]
        hint = f"Left: {', '.join(left)}." if left else "Answer with what you have."
        return Result(Status.USER_ERROR, f"{reason} {hint}")


def _left(name: str, calls: float) -> str:
    return name if calls == math.inf else f"{name} {calls:g}"
