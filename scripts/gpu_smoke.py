"""`make gpu-smoke`: the checks that need an NVIDIA GPU, in one command. Not part of CI.

Starts the vllm engine as it runs on GPUs (asynchronous scheduling, Model Runner V2), and looks at what may differ from a CPU:
edits and resumption, the native thinking budget, grammars, aborts, seeds, log-probabilities. Prints a table; exits with 1
when something is wrong.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from flyball.controllers.controller import Setting
from flyball.controllers.episode import Episode, EpisodeSpec
from flyball.controllers.formats.registry import load_format
from flyball.controllers.limits import Limits
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import EngineRequest, Grammar, Sampling
from flyball.core.events import Called
from flyball.server.app import make_engine
from flyball.server.config import load_config
from flyball.server.engines.vllm import VllmEngine

QUESTION = "Start with 7, add 5, then multiply by 3, modulo 10. What is the result?"


class Smoke:
    """One engine and its chat format, with the checks."""

    def __init__(self, engine: VllmEngine, format: ChatFormat) -> None:
        self.engine, self.format = engine, format

    async def episode(
        self, controllers: list[dict[str, Any]], seed: int | None = None, temperature: float = 0.0
    ) -> Episode:
        """Decode one answer to the question."""
        built = build_controllers(controllers, Setting(self.format, self.engine.abilities))
        context = self.engine.abilities.context_length
        spec = EpisodeSpec(
            id=f"smoke-{time.monotonic_ns()}",
            messages=({"role": "user", "content": QUESTION},),
            sampling=Sampling(max_tokens=1, temperature=temperature),
            seed=seed,
            max_tokens=min(1024, context),
            controllers=tuple(built),
        )
        limits = Limits(max_tokens=1, context_length=context, answer_room=64, close_tokens=4)
        episode = Episode(spec, self.engine, self.format, limits)
        episode.prepare()
        async with aclosing(episode.pieces()) as pieces:
            async for _ in pieces:
                pass
        return episode

    async def plain(self) -> str:
        episode = await self.episode([])
        trajectory = episode.trials[0].trajectory
        assert trajectory.sampled > 0
        return f"{trajectory.sampled} tokens, ended by {trajectory.finished.by if trajectory.finished else '-'}"

    async def native_budget(self) -> str:
        think: dict[str, Any] = {"name": "adaptive_think", "mode": "think"}
        trajectory = (await self.episode([think, {"name": "thinking_budget", "tokens": 16}])).trials[0].trajectory
        calls = sum(isinstance(event, Called) for event in trajectory.log)
        assert trajectory.thinking == 16, f"{trajectory.thinking} thinking tokens, not 16"
        assert calls == 1, f"{calls} engine calls"
        return "16 tokens, one call"

    async def budget_with_a_phrase(self) -> str:
        think: dict[str, Any] = {"name": "adaptive_think", "mode": "think"}
        budget = {"name": "thinking_budget", "tokens": 16, "closing": "\n\nI have to answer now."}
        trajectory = (await self.episode([think, budget])).trials[0].trajectory
        assert trajectory.thinking == 16, f"{trajectory.thinking} thinking tokens, not 16"
        return f"16 tokens, {trajectory.dropped} dropped past the cut"

    async def hints(self) -> str:
        think: dict[str, Any] = {"name": "adaptive_think", "mode": "think"}
        tally = (await self.episode([think, {"name": "hint_infer", "rounds": 2}])).trials[0].trajectory.tally()
        return f"{tally.injected} injected, {tally.dropped} dropped"

    async def auto(self) -> str:
        episode = await self.episode([{"name": "adaptive_think", "mode": "auto"}])
        decisions = [event for event in episode.trials[0].trajectory.log if type(event).__name__ == "Decided"]
        assert decisions, "no decision was logged"
        return str(decisions[0])[:80]

    async def grammar(self) -> str:
        sampling = Sampling(max_tokens=8, temperature=0.0, grammar=Grammar(regex="(yes|no)"))
        ids = self.format.encode(QUESTION)
        async with aclosing(
            self.engine.generate(EngineRequest(request_id="grammar", ids=ids, sampling=sampling))
        ) as deltas:
            found = [token async for delta in deltas for token in delta.ids]
        text = self.format.decode([token for token in found if token not in self.format.eos_ids])
        assert text in ("yes", "no"), text
        return text

    async def abort(self) -> str:
        sampling = Sampling(max_tokens=900, temperature=0.0, ignore_eos=True)
        request = EngineRequest(request_id="abort", ids=self.format.encode(QUESTION), sampling=sampling)
        async with aclosing(self.engine.generate(request)) as deltas:
            await anext(deltas)
        async with asyncio.timeout(10):
            while not await self.engine.idle():
                await asyncio.sleep(0)
        return "nothing is left running"

    async def seeds(self) -> str:
        drawn = [(await self.episode([], seed=5, temperature=1.0)).trials[0].trajectory.ids for _ in range(2)]
        return "the same twice" if drawn[0] == drawn[1] else "different (best effort on vLLM)"


async def check(console: Console, model: str, args: dict[str, Any]) -> bool:
    """Run every check on one engine; whether all passed."""
    config = load_config(None, {"model": {"path": model}, "engine": {"args": args}})
    format = load_format("auto", config.model.resolved_path)
    engine = make_engine(config, format)
    assert isinstance(engine, VllmEngine)
    await engine.start()
    smoke = Smoke(engine, format)
    checks: list[Callable[[], Awaitable[str]]] = [smoke.plain, smoke.grammar, smoke.abort, smoke.seeds]
    if format.thinks:
        checks += [smoke.native_budget, smoke.budget_with_a_phrase, smoke.hints, smoke.auto]
    table, good = Table("check", "", "found", title=f"{model} {args}", title_justify="left"), True
    for run in checks:
        try:
            table.add_row(run.__name__, "[green]✓[/]", await run())
        except AssertionError as error:
            good = False
            table.add_row(run.__name__, "[red]✗[/]", str(error))
    await engine.close()
    console.print(table)
    return good


@click.command()
@click.option("--model", default="pocket", show_default=True)
def main(model: str) -> None:
    """Check the engine with asynchronous scheduling on and off."""
    console = Console()
    good = [asyncio.run(check(console, model, {"async_scheduling": value})) for value in (True, False)]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
