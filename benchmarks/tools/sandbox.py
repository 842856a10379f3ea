"""Our sandbox beside a process per call, bubblewrap per call and a Jupyter kernel: `make bench-sandbox`.

Writes sandbox.json and sandbox.md. All sides run one after the other on the same machine, in one run, on the
event loop that the server uses.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import click
import uvloop

from benchmarks.overhead.install import install
from benchmarks.overhead.machine import machine
from flyball.tools.sandbox import Tier, probe
from flyball.tools.sandbox.tiers import LOCAL

from . import ours, peers
from .report import render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
Results = dict[str, Mapping[str, float] | None]


async def measure(fresh: int, live: int, calls: int, kernels: int, jupyter: Path) -> Results:
    """Every side."""
    results: Results = {}
    for tier in LOCAL:
        holds = (await probe(Tier(tier))).holds
        results[f"Flyball, tier {tier}"] = await ours.measure(tier, fresh, live) if holds else None
    results["bubblewrap per call"] = await peers.measure_bubblewrap(calls)
    results["plain process per call"] = await peers.measure_process(calls)
    results["Jupyter kernel"] = await peers.measure_jupyter(jupyter, kernels)
    return results


@click.command()
@click.option("--smoke", is_flag=True, help="A few of each, to see that it runs; writes nothing.")
@click.option("--out", type=click.Path(path_type=Path), default=HERE.parent, help="Where the files go.")
def main(smoke: bool, out: Path) -> None:
    cache = ROOT / ".cache" / "bench"
    install(["jupyter"], cache, ROOT / "requirements")
    counts = (16, 8, 4, 1) if smoke else (400, 500, 40, 10)
    setting = machine()
    results = uvloop.run(measure(*counts, cache / "jupyter" / "bin" / "python"))
    setting["load after the run"] = f"{os.getloadavg()[0]:.2f}"
    text = render(setting, results)
    click.echo(text)
    if not smoke:
        (out / "sandbox.json").write_text(json.dumps({"machine": setting, "results": results}, indent=1) + "\n")
        (out / "sandbox.md").write_text(text)


if __name__ == "__main__":
    main()
