"""tools.md: the figures of tools on one page, each with its command."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TITLES = {"big": "Long numbers", "two_hop": "Facts over two hops", "mixed": "The mixed set"}
_NOTES = """\
The models are small and trained by us (docs/pocket.md): the figures show that the mechanisms work end to end (the hint, the
call, the sandbox or the search, the result read), and what they cost. They do not say what a tool gains on a large model.
"""


def render(world: Mapping[str, Any], retrieval: Mapping[str, Any], sandbox: Mapping[str, Any]) -> str:
    """The goals first, then every set's table, then where the other figures are."""
    sets = world["sets"]
    lines = ["# Tools", "", _NOTES, *_goals(sets, retrieval, sandbox), "", "## World-v1, through `flyball eval`", ""]
    lines += [f"By `make bench-tools`; {_setting(world['machine'])}.", ""]
    for name, found in sets.items():
        lines += [f"### {_TITLES[name]}", "", f"`{found['command']}`", "", found["table"]]
    lines += ["## More", "", "Sandboxes side by side: [sandbox.md](sandbox.md), by `make bench-sandbox`. "]
    lines += ["Retrieval among 20,000 tools: [tool_retrieval.md](tool_retrieval.md), by `make bench-retrieval`.", ""]
    return "\n".join(lines)


def _setting(machine: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in machine.items())


def _goals(sets: Mapping[str, Any], retrieval: Mapping[str, Any], sandbox: Mapping[str, Any]) -> Iterator[str]:
    yield "| | goal | found | verdict |"
    yield "|---|---:|---:|---|"
    for title, goal, found, met in [*_world(sets), _query(retrieval), *_sessions(sandbox)]:
        yield f"| {title} | {goal} | {found} | {'met' if met else '**not met**'} |"


Goal = tuple[str, str, str, bool]


def _world(sets: Mapping[str, Any]) -> Iterator[Goal]:
    for name, arm, least in (
        ("big", "hint, Python run in the thinking", 0.95),
        ("big", "hint, Python declared", 0.95),
        ("two_hop", "search", 0.85),
        ("mixed", "all tools, a hint where it calculates", 0.90),
    ):
        accuracy = _accuracy(sets[name], arm)
        yield f"{_TITLES[name]}, {arm}", f"≥ {least:.0%}", f"{accuracy:.1%}", accuracy >= least
    plain = _accuracy(sets["big"], "plain")
    yield f"{_TITLES['big']}, plain", "≤ 30%", f"{plain:.1%}", plain <= 0.3


def _accuracy(found: Mapping[str, Any], arm: str) -> float:
    return next(float(each["accuracy"]) for each in found["summary"]["arms"] if each["arm"] == arm)


def _query(retrieval: Mapping[str, Any]) -> Goal:
    milliseconds = float(retrieval["arms"][0]["p50_ms"])
    title = f"a query among {retrieval['tools']:,} tools, p50"
    return title, "< 1 ms", f"{milliseconds:.2f} ms", milliseconds < 1


_SESSIONS: tuple[tuple[str, str, str, str, Callable[[float], bool]], ...] = (
    ("start of a sandbox session, p50", "create_p50_ms", "≤ 10 ms", "{:.1f} ms", lambda ms: ms <= 10),
    ("cell in a running session, p50", "warm_cell_p50_ms", "≤ 0.1 ms", "{:.3f} ms", lambda ms: ms <= 0.1),
    ("fresh sessions a minute, 8 at once", "fresh_per_minute_8_at_once", "≥ 8,000", "{:,.0f}", lambda n: n >= 8000),
    ("idle session, 500 live", "idle_mib_at_500_live", "≤ 6 MiB", "{:.1f} MiB", lambda mib: mib <= 6),
    ("processes left after SIGKILL", "left_after_sigkill", "0", "{:.0f}", lambda n: n == 0),
)


def _sessions(sandbox: Mapping[str, Any]) -> Iterator[Goal]:
    ours = next(figures for side, figures in sandbox["results"].items() if figures and side.startswith("Flyball"))
    for title, name, goal, shape, good in _SESSIONS:
        yield title, goal, shape.format(ours[name]), good(float(ours[name]))
