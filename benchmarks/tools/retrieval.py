"""`python -m benchmarks.tools.retrieval`: how well and how fast the router finds a tool among ten thousand."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.overhead.machine import machine
from benchmarks.tools.callables import Entry, corpus, queries
from flyball.tools.router.lexical import LexicalIndex
from flyball.tools.router.ranking import best
from flyball.tools.router.terms import query_terms, tool_terms

_ROOT = Path(__file__).resolve().parents[2]
_DEPTHS = (1, 5, 10)

Search = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One way to search: milliseconds and shares."""

    name: str
    build_s: float
    queries: int
    p50_ms: float
    p99_ms: float
    recall: dict[str, float]
    """The share of queries whose tool is among the first 1, 5, 10."""


@click.command()
@click.option("--queries", "count", default=2000, show_default=True)
@click.option("--slow-queries", default=200, show_default=True, help="For rank_bm25, which is slow.")
@click.option("--out", default=_ROOT / "benchmarks", type=click.Path(path_type=Path), help="benchmarks/ by default.")
def main(count: int, slow_queries: int, out: Path) -> None:
    """Measure recall and latency of tool retrieval beside rank_bm25."""
    load = os.getloadavg()[0]
    entries = corpus()
    asked = queries(entries, count)
    with_figures = [
        measured("flyball (bm25s)", lambda: _flyball(entries), asked),
        measured("rank_bm25, the same words", lambda: _rank_bm25(entries), asked[:slow_queries]),
        measured("flyball (bm25s), the queries of rank_bm25", lambda: _flyball(entries), asked[:slow_queries]),
    ]
    record = {
        "command": " ".join(["python -m benchmarks.tools.retrieval", *sys.argv[1:]]),
        "machine": machine() | {"load before the run": f"{load:.2f}"},
        "versions": {name: version(name) for name in ("bm25s", "PyStemmer", "numpy", "rank-bm25")},
        "tools": len(entries),
        "arms": [asdict(figures) for figures in with_figures],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "tool_retrieval.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / "tool_retrieval.md").write_text(render(record), encoding="utf-8")
    click.echo(render(record))


def measured(name: str, build: Callable[[], Search], asked: Sequence[tuple[str, str]]) -> Figures:
    """Builds once, asks everything once to warm up, then once more and measures."""
    began = time.perf_counter()
    search = build()
    built = time.perf_counter() - began
    for query, _ in asked[:50]:
        search(query)
    seconds, places = [], []
    for query, wanted in asked:
        began = time.perf_counter()
        found = search(query)
        seconds.append(time.perf_counter() - began)
        places.append(found.index(wanted) if wanted in found else max(_DEPTHS))
    seconds.sort()
    recall = {f"@{depth}": sum(place < depth for place in places) / len(asked) for depth in _DEPTHS}
    p50, p99 = (seconds[int(len(seconds) * share)] * 1e3 for share in (0.5, 0.99))
    return Figures(name, built, len(asked), p50, p99, recall)


def _flyball(entries: Sequence[Entry]) -> Search:
    index = LexicalIndex(entry.spec for entry in entries)
    return lambda query: [hit.name for hit in index.search(query, max(_DEPTHS))]


def _rank_bm25(entries: Sequence[Entry]) -> Search:
    from rank_bm25 import BM25Okapi  # type: ignore[import-untyped]

    index = BM25Okapi([tool_terms(entry.spec) for entry in entries])
    names = [entry.spec.name for entry in entries]
    return lambda query: [names[at] for at in best(index.get_scores(query_terms(query)), max(_DEPTHS))]


def render(record: dict[str, Any]) -> str:
    """The section of the report."""
    head = "| | build, s | queries | p50, ms | p99, ms | recall@1 | @5 | @10 |\n|---|---|---|---|---|---|---|---|"
    rows = (
        f"| {arm['name']} | {arm['build_s']:.2f} | {arm['queries']} | {arm['p50_ms']:.2f} | {arm['p99_ms']:.2f} | "
        + " | ".join(f"{share:.3f}" for share in arm["recall"].values())
        + " |"
        for arm in record["arms"]
    )
    about = ", ".join(f"{key}: {value}" for key, value in {**record["machine"], **record["versions"]}.items())
    return f"""# Finding a tool

{record["tools"]:,} functions, classes and methods of installed libraries as tools, described by the first sentence of their docstrings.
A query is another sentence of the docstring of the tool that is to be found, so recall compares methods on one corpus and says nothing
about other queries. A query's time is all of it, from text to names. Other work ran on the machine (see the load): latencies are upper bounds.

{head}
{chr(10).join(rows)}

`{record["command"]}`; {about}
"""


if __name__ == "__main__":
    main()
