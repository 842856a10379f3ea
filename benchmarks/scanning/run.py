"""The decode loop beside itself, with more and less to look for: `make bench-scanning`.

Writes scanning.json and scanning.md. All sides take turns in one process; what counts is processor time, so that other work
on the machine disturbs little.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import click

from benchmarks.overhead.machine import machine
from flyball.controllers.formats.registry import load_format
from flyball.controllers.loop import Loop
from flyball.core.chat_format import ChatFormat, Thinking
from flyball.data import REASONER

from .arms import ARMS, Arm, Replay, scanner_of, setup_of, thinking_text
from .report import Case, Row, render

OUT = Path(__file__).resolve().parents[1]
_MESSAGES = ({"role": "user", "content": "Start with 7, add 5."},)


def cases(format: ChatFormat, paragraphs: int) -> dict[Case, list[int]]:
    """What the model writes, by what most of it is."""
    text = thinking_text(paragraphs)
    thinking, answer = format.encode(f"{text}</think>\n\nyes"), format.encode(f"So.</think>\n\n{text}")
    return {Case("thinking", 1): thinking, Case("thinking", 8): thinking, Case("answer", 1): answer}


async def seconds_per_token(arm: Arm, case: Case, ids: Sequence[int], format: ChatFormat) -> float:
    """Processor time of one trajectory, a token."""
    loop = Loop(setup_of(arm, Replay(ids, case.delta), format, _prompt(format)))
    began = time.process_time()
    async with aclosing(loop.run()) as commits:
        async for _ in commits:
            pass
    took = time.process_time() - began
    assert loop.trajectory.ids == ids, "an edit was made"
    return took / len(ids)


def seconds_to_go_back(arm: Arm, ids: Sequence[int], format: ChatFormat, times: int = 20) -> float:
    """Processor time until the scanner stands one token before the end, where an edit dropped what followed."""
    scanner = scanner_of(setup_of(arm, Replay(ids, 1), format, _prompt(format)))
    for token in ids:
        scanner.take(token, None, None)
    began = time.process_time()
    for _ in range(times):
        scanner.trajectory.drop(len(scanner.trajectory.ids) - 1, "edit")
        scanner.rewind()
    return (time.process_time() - began) / times


def _prompt(format: ChatFormat) -> list[int]:
    return format.render(_MESSAGES, None, Thinking.ON, {})


def measure(paragraphs: int, rounds: int) -> dict[str, Row]:
    """The median of the rounds."""
    format = load_format("auto", str(REASONER))
    written = cases(format, paragraphs)
    thinking = format.encode(thinking_text(paragraphs))
    tokens: dict[tuple[str, Case], list[float]] = {}
    back: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, arm in ARMS.items():
            for case, ids in written.items():
                took = asyncio.run(seconds_per_token(arm, case, ids, format))
                tokens.setdefault((name, case), []).append(took)
            back.setdefault(name, []).append(seconds_to_go_back(arm, thinking, format))
    median = statistics.median
    return {
        name: Row({case: median(tokens[name, case]) * 1e6 for case in written}, median(back[name]) * 1e3, len(thinking))
        for name in ARMS
    }


@click.command()
@click.option("--smoke", is_flag=True, help="A few tokens, to see that it runs; writes nothing.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="Where the files go.")
def main(smoke: bool, out: Path) -> None:
    """Measure what scanning costs a token."""
    setting = machine()
    figures = measure(paragraphs=4, rounds=1) if smoke else measure(paragraphs=200, rounds=9)
    text = render(setting, figures)
    click.echo(text)
    if not smoke:
        results = {name: row.record() for name, row in figures.items()}
        (out / "scanning.json").write_text(json.dumps({"machine": setting, "results": results}, indent=1) + "\n")
        (out / "scanning.md").write_text(text)


if __name__ == "__main__":
    main()
