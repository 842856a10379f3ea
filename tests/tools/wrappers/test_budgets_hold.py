"""Ten thousand requests at once: no call over a budget, whatever the interleaving of trajectories, batches and failures."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

from flyball.core.ledger import Ledger, tool_calls
from flyball.tools.dispatch import Call, Dispatcher
from flyball.tools.result import Result, Status
from flyball.tools.tool import CallContext
from flyball.tools.wrappers.charge import Charge

from ..doubles import Probe

REQUESTS, AT_ONCE = 10_000, 500
ITEM = tool_calls("look")


class Looking:
    """A tool that all requests share: each call takes some turns of the event loop, and some fail by no fault of the model's."""

    def __init__(self) -> None:
        self.dice = Random(7)
        self.made: Counter[str] = Counter()
        """Units that were made and count, by request."""
        self.inside = self.most = 0
        self.tool = Charge(Probe(self._look, name="look", batch="query"))

    async def _look(self, arguments: dict[str, Any]) -> Result:
        request, units = arguments["request"], len(arguments["query"])
        self.made[request] += units
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        self.inside -= 1
        if self.dice.random() < 0.1:
            self.made[request] -= units
            return Result(Status.INFRA, "down")
        return Result(Status.OK, "found")


async def trajectory(number: int, ledger: Ledger, looking: Looking, dice: Random) -> None:
    """Two calls at once, each with a batch, in the name of a request."""
    share = ledger.child(ledger.share("tokens", 2))
    batches = [{"request": str(number), "query": ["a"] * dice.randint(1, 3), "n": each} for each in range(2)]
    calls = [Call(str(each), "look", batch) for each, batch in enumerate(batches)]
    await Dispatcher({"look": looking.tool}).run(calls, CallContext(f"{number}", ledger=share))
    share.close()


async def test_no_call_is_made_over_a_budget_in_ten_thousand_requests() -> None:
    looking, dice, free = Looking(), Random(11), asyncio.Semaphore(AT_ONCE)
    over: list[int] = []

    async def request(number: int) -> int:
        limit = dice.randrange(8)
        ledger = Ledger({ITEM: limit, "tokens": 100})
        async with free:
            await asyncio.gather(*(trajectory(number, ledger, looking, dice) for _ in range(2)))
        if looking.made[str(number)] > limit or ledger.spent(ITEM) != looking.made[str(number)]:
            over.append(number)
        return limit

    limits = await asyncio.gather(*map(request, range(REQUESTS)))

    assert over == []
    assert looking.most > AT_ONCE  # they did run beside each other
    spent = sum(looking.made.values()) / sum(limits)
    assert 0.5 < spent <= 1  # and most of what is allowed was used
