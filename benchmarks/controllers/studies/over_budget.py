"""Ten thousand requests that want more calls than they may make, on the scripted engine: does any of them get one more?

The tool itself counts what it is asked, so the count does not rest on the ledger that is tested.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpx
import msgspec

from flyball.controllers.formats.registry import load_format
from flyball.core.engine import Abilities
from flyball.core.ledger import tool_calls
from flyball.data import REASONER
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.server.engines.scripted import ScriptedEngine
from flyball.tools.function import FunctionTool
from flyball.tools.marks import Marks
from flyball.training.evaluate.asking import at_most

from ..asking import Workshop
from ..findings import Findings, Goal, Table
from ..greedy_model import TOOL, GreedyModel

TITLE = "Ten thousand requests against their budgets"
MINUTES = 5
REQUESTS, AT_ONCE, LONGEST = 10_000, 64, 4096
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "one trajectory": {},
    "the block": {"controllers": [{"name": "budget_tracker", "policy": "none"}]},
    "a vote of three": {"strategy": {"name": "self_consistency", "n": 3, "stop_when_decided": False}},
}


class Outcome(NamedTuple):
    """Of one request: what it may call, what the tool counted, what the ledger says."""

    kind: str
    limit: int
    counted: int
    booked: int

    @property
    def over(self) -> bool:
        """Whether the tool was called once too often."""
        return self.counted > self.limit


def body(number: int) -> tuple[str, int, dict[str, Any]]:
    """Kind, limit and request; three choices in every fourth of those without a strategy."""
    drawn = random.Random(number)
    kind, limit = drawn.choice(list(_KINDS)), drawn.randint(0, 8)
    choices = 3 if "strategy" not in _KINDS[kind] and drawn.random() < 0.25 else 1
    block = {**_KINDS[kind], "tools": [TOOL], "budget": {"tool_calls": {TOOL: limit}}}
    messages = [{"role": "user", "content": f"request {number}"}]
    sent = {
        "model": "pocket",
        "messages": messages,
        "n": choices,
        "temperature": 1,
        "max_tokens": 1500,
        "flyball": block,
    }
    return kind, limit, sent


async def outcomes(count: int) -> list[Outcome]:
    """Send so many requests, 64 at once."""
    counted, found = Counter[int](), list[Outcome]()

    async def look_up(queries: list[str]) -> str:
        """Looks several things up at once."""
        for query in queries:
            counted[int(query)] += 1
            await asyncio.sleep(0)
        return "found"

    format = load_format("pocket", str(REASONER))
    engine = ScriptedEngine(
        GreedyModel(format), eos_ids=format.eos_ids, deltas=(8,), abilities=Abilities(context_length=LONGEST)
    )
    config = Config.model_validate({"tools": {"python": {"enabled": False}, "search": {"enabled": False}}})
    app = build_app(config, engine=lambda config, format: engine, format=format)
    async with app.router.lifespan_context(app):
        app.state.service.toolbox.tools.add(FunctionTool(look_up, Marks(batch="queries")))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://flyball.local") as client:

            async def send(number: int) -> None:
                kind, limit, sent = body(number)
                response = await client.post("/v1/chat/completions", json=sent, timeout=None)
                response.raise_for_status()
                item = response.json()["flyball"]["ledger"].get(tool_calls(TOOL), {"spent": 0})
                found.append(Outcome(kind, limit, counted[number], int(item["spent"])))
                engine.requests.clear()

            await at_most(AT_ONCE, send, range(count))
    return found


def measure(shop: Workshop) -> Findings:
    """Part of a study; a trial of few questions sends fewer requests, ten for each."""
    return judged(asyncio.run(outcomes(min(REQUESTS, 10 * shop.scale.questions))))


def judged(found: Iterable[Outcome]) -> Findings:
    """The findings of all outcomes."""
    all_of = list(found)
    over = sum(outcome.over for outcome in all_of)
    apart = sum(outcome.counted != outcome.booked for outcome in all_of)
    lines = [["", "requests", "calls allowed", "calls made", "calls booked", "over budget"]]
    for kind in _KINDS:
        of_kind = [outcome for outcome in all_of if outcome.kind == kind]
        sums = (
            sum(values)
            for values in ([o.limit for o in of_kind], [o.counted for o in of_kind], [o.booked for o in of_kind])
        )
        lines.append([kind, str(len(of_kind)), *map(str, sums), str(sum(o.over for o in of_kind))])
    total = f"{len(all_of):,} requests, {AT_ONCE} at once"
    return Findings(
        goals=[
            Goal(f"calls over budget: {total}", "0", str(over), over == 0),
            Goal(f"ledgers that differ from what the tool counted: {total}", "0", str(apart), apart == 0),
        ],
        tables=[Table("By kind of request", lines)],
        figures=msgspec.to_builtins({"requests": len(all_of), "over": over, "apart": apart}),
        notes=[
            "the model is scripted and asks for more than any budget: three turns of one to three calls, of one to three entries each"
        ],
    )
