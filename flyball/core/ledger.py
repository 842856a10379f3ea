"""What an episode may spend and what it has spent; children reserve from their parent.

Items: "tokens" (sampled tokens of every kind: kept, dropped, auxiliary), "usd", "seconds", "fan_out" (trajectories
started, and models asked as tools), "tool_calls.<tool>". Of auxiliary models and probes "auxiliary_tokens" (sampled; they
are among "tokens", too) and "auxiliary_prompt_tokens" are booked besides. A missing limit is no limit. Limits are enforced here; showing the
ledger to the model is a controller's work.

Example: a parent with 100 tokens gives two children 50 each; the first spends 20 and closes, 30 come back:
    parent = Ledger({"tokens": 100}); a, b = parent.child({"tokens": 50}), parent.child({"tokens": 50})
    a.charge("tokens", 20); a.close(); parent.remaining("tokens") == 30
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from .errors import RequestError

TOKENS, USD, SECONDS, FAN_OUT = "tokens", "usd", "seconds", "fan_out"
AUXILIARY, AUXILIARY_PROMPT = "auxiliary_tokens", "auxiliary_prompt_tokens"

_ROUNDING = 1 + 1e-9
"""Shares of a sum of dollars do not add up to it exactly."""


def tool_calls(tool: str) -> str:
    """The ledger item that counts calls of one tool."""
    return f"tool_calls.{tool}"


class Ledger:
    """Spent and allowed, per item. Not shared between event loops; every method returns at once."""

    def __init__(
        self,
        limits: Mapping[str, float] | None = None,
        *,
        parent: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = dict(limits or {})
        self._spent: dict[str, float] = {}
        self._reserved: dict[str, float] = {}
        self._parent = parent
        self._clock: Callable[[], float] = parent._clock if parent else clock
        self._started: float = parent._started if parent else clock()
        self._closed = False

    def spent(self, item: str) -> float:
        """What was charged here and in closed children; for seconds, the time since the episode began."""
        if item == SECONDS:
            return self._clock() - self._started
        return self._spent.get(item, 0.0)

    def limit(self, item: str) -> float:
        """What may be spent in all, here or, without a limit of its own, above; `inf` without any."""
        if item in self.limits:
            return self.limits[item]
        return math.inf if self._parent is None else self._parent.limit(item)

    def remaining(self, item: str) -> float:
        """What may still be spent or reserved, down to 0; `inf` without a limit here or above."""
        limit = self.limits.get(item)
        own = math.inf if limit is None else max(0.0, limit - self.spent(item) - self._reserved.get(item, 0.0))
        if self._parent is None or (limit is not None and item != SECONDS):  # what a child may spend was set aside
            return own
        return min(own, self._parent.remaining(item))

    def exhausted(self) -> str | None:
        """The first item of which nothing remains; fan-out and tool calls limit starts, not what already runs."""
        return next((item for item in (TOKENS, USD, SECONDS) if self.remaining(item) <= 0), None)

    def charge(self, item: str, amount: float) -> None:
        """Book what was spent. Charging past a limit is booked too: the truth, then nothing remains."""
        self._spent[item] = self._spent.get(item, 0.0) + amount
        if self._parent is not None and (self._closed or item not in self.limits):
            self._parent.charge(item, amount)

    def try_spend(self, item: str, amount: float = 1.0) -> bool:
        """Book `amount` if that much remains; else leave everything as it is and say False."""
        if not self._covers(item, amount):
            return False
        self.charge(item, amount)
        return True

    def _covers(self, item: str, amount: float) -> bool:
        return amount <= self.remaining(item) * _ROUNDING

    def child(self, limits: Mapping[str, float] | None = None) -> Ledger:
        """A ledger whose limits are set aside here until it is closed.

        A child without a limit on an item spends directly from here. Errors: RequestError when less remains than asked.
        """
        wanted = dict(limits or {})
        for item, amount in wanted.items():
            if item != SECONDS and not self._covers(item, amount):
                raise RequestError(
                    f"the budget has {self.remaining(item):g} {item} left, not {amount:g}", "flyball.budget"
                )
        for item, amount in wanted.items():
            if item != SECONDS and self.remaining(item) != math.inf:
                self._reserve(item, amount)
        return Ledger(wanted, parent=self)

    def _reserve(self, item: str, amount: float) -> None:
        if item in self.limits:
            self._reserved[item] = self._reserved.get(item, 0.0) + amount
        elif self._parent is not None:
            self._parent._reserve(item, amount)

    def share(self, item: str, among: int) -> dict[str, float]:
        """The limits for one of `among` children that divide what remains evenly; whole units."""
        left = self.remaining(item)
        return {} if left == math.inf else {item: left // among if item != USD else left / among}

    def close(self) -> None:
        """Give what was set aside and not spent back to the parent; a second call does nothing."""
        if self._closed or self._parent is None:
            return
        self._closed = True
        for item, limit in self.limits.items():
            if item != SECONDS:
                self._parent._settle(item, limit, self.spent(item))

    def _settle(self, item: str, reserved: float, spent: float) -> None:
        self._spent[item] = self._spent.get(item, 0.0) + spent
        if item in self.limits:
            self._reserved[item] = max(0.0, self._reserved.get(item, 0.0) - reserved)
            if self._closed and self._parent is not None:
                self._parent.charge(item, spent)
        elif self._parent is not None:
            self._parent._settle(item, reserved, spent)

    def summary(self) -> dict[str, dict[str, float]]:
        """Spent and allowed per item, for the response."""
        items = dict.fromkeys([*self.limits, *self._spent, SECONDS])
        return {
            item: {"spent": round(self.spent(item), 6)} | ({"limit": self.limits[item]} if item in self.limits else {})
            for item in items
        }
