"""One engine in a process of its own: orders come as JSON lines on stdin, answers go as JSON lines to stdout."""

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, NamedTuple

import uvloop

from flyball.core.engine import Engine, EngineRequest, Sampling
from flyball.server.engines.vllm import VllmEngine

_IDS = 1000  # ordinary tokens of the smallest vocabulary


class Timed(NamedTuple):
    """One call: seconds to its first token and to its end, and what the engine had of its prompt."""

    first: float
    latency: float
    tokens: int
    cached: int


async def call(engine: Engine, name: str, ids: list[int], tokens: int) -> Timed:
    """One greedy call of exactly so many tokens, read as it comes."""
    sampling = Sampling(max_tokens=tokens, temperature=0.0, ignore_eos=True)
    begun = time.perf_counter()
    first, seen, cached = 0.0, 0, 0
    async with aclosing(engine.generate(EngineRequest(request_id=name, ids=ids, sampling=sampling))) as deltas:
        async for delta in deltas:
            first = first or time.perf_counter() - begun
            seen += len(delta.ids)
            cached = cached if delta.cached_tokens is None else delta.cached_tokens
    return Timed(first, time.perf_counter() - begun, seen, cached)


async def burst(
    engine: Engine, *, salt: str, concurrency: int, requests: int, prompt_tokens: int, tokens: int
) -> dict[str, float]:
    """So many calls, of which so many run at once: a call begins when another ends. Every prompt is new."""
    draw = random.Random(salt)
    prompts = enumerate([draw.choices(range(_IDS), k=prompt_tokens) for _ in range(requests)])
    timed: list[Timed] = []

    async def client(shared: Iterator[tuple[int, list[int]]]) -> None:
        for number, ids in shared:
            timed.append(await call(engine, f"{salt} {number}", ids, tokens))

    begun = time.perf_counter()
    await asyncio.gather(*(client(prompts) for _ in range(concurrency)))
    seconds = time.perf_counter() - begun
    if {one.tokens for one in timed} != {tokens}:
        raise RuntimeError(f"an answer of {tokens} tokens was asked for, and another one came")
    return {
        "seconds": seconds,
        "tokens_per_s": requests * tokens / seconds,
        "requests_per_s": requests / seconds,
        "latency_ms": 1000 * statistics.median(one.latency for one in timed),
        "first_ms": 1000 * statistics.median(one.first for one in timed),
    }


async def resumed(engine: Engine, *, salt: str, times: int, length: int, edit_at: int) -> dict[str, float]:
    """Calls, one at a time, that share a call's ids up to an edit: what of them is cached, and when the first token comes."""
    draw, timed = random.Random(salt), []
    for number in range(times):
        ids = draw.choices(range(_IDS), k=length)
        await call(engine, f"{salt} {number} before", ids, 1)
        edited = ids[:edit_at] + draw.choices(range(_IDS), k=8)
        timed.append(await call(engine, f"{salt} {number} after", edited, 1))
    return {
        "cached_tokens": statistics.median(one.cached for one in timed),
        "first_ms": 1000 * statistics.median(one.first for one in timed),
    }


def main() -> None:
    """Serve one engine until stdin ends: `worker MODEL ARGS`."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what vLLM prints goes to the log
    engine = VllmEngine(sys.argv[1], json.loads(sys.argv[2]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        begun = time.perf_counter()
        runner.run(engine.start())
        print(json.dumps({"seconds": time.perf_counter() - begun}), file=answers)
        for line in sys.stdin:
            order: dict[str, Any] = json.loads(line)
            work = resumed if order.pop("resumed") else burst
            print(json.dumps(runner.run(work(engine, **order))), file=answers)
        runner.run(engine.close())


if __name__ == "__main__":
    main()
