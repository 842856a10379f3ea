"""overhead.md: tables of every metric, ratios to vLLM's own server, goals, and the hand-written notes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from .goals import GOALS, Goal
from .results import Cell, Growth, Result
from .stats import Estimate, Metric, collapses, estimate, ratio, values

BASELINE = "vllm"
_METRICS: tuple[tuple[str, str, Metric, tuple[bool, ...]], ...] = (
    ("Requests per second", ".1f", lambda cell: cell.requests_per_s, (False, True)),
    ("Tokens per second", ",.0f", lambda cell: cell.tokens_per_s, (False, True)),
    ("Latency of a request, median, ms", ".1f", lambda cell: cell.latency_p50_ms, (False, True)),
    ("Time to the first text, median, ms", ".1f", lambda cell: cell.ttft_p50_ms, (True,)),
    ("Time to the first text, 95th percentile, ms", ".1f", lambda cell: cell.ttft_p95_ms, (True,)),
    ("Time per output token, median, ms", ".2f", lambda cell: cell.tpot_p50_ms, (False, True)),
    ("CPU seconds of the server per 1,000 tokens", ".3f", lambda cell: cell.server_cpu_s_per_1k, (False, True)),
    (
        "CPU seconds of the server behind it per 1,000 tokens",
        ".3f",
        lambda cell: cell.upstream_cpu_s_per_1k,
        (False, True),
    ),
)


def render(result: Result, notes: str, plot: str) -> str:
    """The whole report as markdown."""
    sections = [
        "# Overhead",
        _setting(result),
        f"![Throughput and time to the first text, relative to vLLM's own server]({plot})",
        *_goals(result),
        *_accidents(result),
        *_metrics(result),
        *_growth(result.growth, result),
        *_conditions(result),
        notes.strip(),
        "## Machine and versions",
        _pairs(result.machine),
        _pairs(result.versions),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def write(result: Result, folder: Path, notes: Path) -> Path:
    """Write overhead.md beside overhead.png."""
    path = folder / "overhead.md"
    path.write_text(render(result, notes.read_text(encoding="utf-8"), "overhead.png"), encoding="utf-8")
    return path


def _setting(result: Result) -> str:
    settings = result.settings
    repeats = len({cell.repeat for cell in result.cells})
    return (
        f"The same chat requests to every server, {settings['tokens']} tokens of answer each (checked), greedy, "
        f"model `{settings['model']}`. All servers are up at once and only one is asked at a time; repeats: {repeats}, "
        "the arms in a new random order for each measurement. The load generator is one process on the same cores. "
        "Medians over the repeats; in brackets the 95 % bootstrap interval of the median. A ratio is taken within each "
        f"repeat.\n\nMade by `{result.command}`; every repeat is in `overhead.json`."
    )


def _places(cells: Sequence[Cell], streaming: Iterable[bool]) -> list[tuple[int, bool]]:
    kinds = set(streaming)
    return sorted(
        {(cell.concurrency, cell.streaming) for cell in cells if cell.streaming in kinds}, key=lambda p: p[::-1]
    )


def _place(concurrency: int, streaming: bool) -> str:
    return f"{concurrency}, {'streaming' if streaming else 'plain'}"


def _goals(result: Result) -> list[str]:
    measured = {cell.arm for cell in result.cells}
    places = _places(result.cells, (False, True))
    rows = [_goal_row(goal, result, places) for goal in GOALS if {goal.arm, goal.baseline} <= measured]
    explanation = (
        "Met or not met where the whole interval is on one side of the bound; open where it reaches over it. No server "
        "answers faster than the engine behind it: how far a proxy can be outdone is bounded by vLLM's own row, and with "
        "one client every server waits for the engine."
    )
    head = ["Goal", "Ratio", *(_place(*place) for place in places)]
    return ["## Goals", explanation, _table(head, rows)] if rows else []


def _goal_row(goal: Goal, result: Result, places: Iterable[tuple[int, bool]]) -> list[str]:
    row = [goal.text, f"{'≥' if goal.at_least else '≤'} {goal.bound:.3g}x"]
    for concurrency, streaming in places:
        if not goal.applies(streaming):
            row.append("")
            continue
        seen, verdict = goal.check(result.cells, concurrency, streaming)
        row.append(f"{_interval(seen, '.2f', 'x')}<br>**{verdict}**")
    return row


def _accidents(result: Result) -> list[str]:
    found = collapses(result.cells)
    if not found:
        return ["No repeat fell below a third of its arm's median throughput."]
    lines = [
        f"- {result.titles[item.cell.arm]}, {_place(item.cell.concurrency, item.cell.streaming)} clients, repeat "
        f"{item.cell.repeat + 1}: {item.cell.requests_per_s:.1f} requests/s; its median is {item.usual:.1f}. Cores used by "
        f"the load generator: {item.cell.client_cores:.2f}, by servers not under test: {item.cell.other_cores:.2f}."
        for item in found
    ]
    return ["**Collapsed repeats** (below a third of the arm's median; they are in every figure):", "\n".join(lines)]


def _metrics(result: Result) -> list[str]:
    sections = []
    for title, spec, metric, streaming in _METRICS:
        places = _places(result.cells, streaming)
        rows = [_metric_row(result, arm, metric, spec, places) for arm in result.titles]
        sections += [f"## {title}", _table(["", *(_place(*place) for place in places)], rows)]
    return sections


def _metric_row(result: Result, arm: str, metric: Metric, spec: str, places: Iterable[tuple[int, bool]]) -> list[str]:
    row = [result.titles[arm]]
    for concurrency, streaming in places:
        cell = _interval(estimate(values(result.cells, metric, arm, concurrency, streaming).values()), spec)
        relative = ratio(result.cells, metric, arm, BASELINE, concurrency, streaming)
        if arm != BASELINE and relative is not None:
            cell += f"<br>{_interval(relative, '.2f', 'x')}"
        row.append(cell)
    return row


def _growth(growth: Sequence[Growth], result: Result) -> list[str]:
    if not growth:
        return []
    rows = [
        [
            result.titles[item.arm],
            f"{item.requests:,}",
            f"{item.rss_before_mb:,.0f} → {item.rss_after_mb:,.0f} ({item.rss_after_mb - item.rss_before_mb:+,.1f})",
            f"{item.descriptors_before} → {item.descriptors_after} ({item.descriptors_after - item.descriptors_before:+})",
        ]
        for item in growth
    ]
    head = ["", "Requests", "Memory (RSS of the process tree), MiB", "Open descriptors"]
    return ["## Growth over many requests", _table(head, rows)]


def _conditions(result: Result) -> list[str]:
    rows = []
    for arm, title in result.titles.items():
        cells = [cell for cell in result.cells if cell.arm == arm]
        client, others = estimate(cell.client_cores for cell in cells), estimate(cell.other_cores for cell in cells)
        most = max((cell.client_cores for cell in cells), default=0.0)
        rows.append([title, _interval(client, ".2f"), f"{most:.2f}", _interval(others, ".2f")])
    head = ["While this arm was asked", "Cores of the load generator", "at most", "Cores of the servers not asked"]
    idle = ", ".join(f"{name} {cores:.3f}" for name, cores in result.idle_cores.items())
    start = ", ".join(f"{name} {seconds:.0f}" for name, seconds in result.start_seconds.items())
    facts = f"Cores used by each server when nobody asks: {idle}.\n\nSeconds to start: {start}."
    return ["## Conditions", _table(head, rows), facts]


def _interval(seen: Estimate | None, spec: str, unit: str = "") -> str:
    if seen is None:
        return "-"
    if seen.low == seen.high:
        return f"{seen.median:{spec}}{unit}"
    return f"{seen.median:{spec}}{unit} ({seen.low:{spec}}-{seen.high:{spec}})"


def _pairs(items: object) -> str:
    assert isinstance(items, dict)
    return _table(["", ""], [[str(name), str(value)] for name, value in items.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
