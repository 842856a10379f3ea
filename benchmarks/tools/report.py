"""sandbox.md."""

from collections.abc import Iterator, Mapping

_ROWS = {
    "start a session, p50, ms": ("create_p50_ms", ".1f"),
    "start a session, p99, ms": ("create_p99_ms", ".1f"),
    "the same with numpy and sympy, p50, ms": ("create_with_modules_p50_ms", ".1f"),
    "end a session, p50, ms": ("end_p50_ms", ".1f"),
    "cell in a running session, p50, ms": ("warm_cell_p50_ms", ".3f"),
    "cell in a running session, p99, ms": ("warm_cell_p99_ms", ".3f"),
    "the same with 500 sessions live, p50, ms": ("warm_cell_p50_ms_at_500_live", ".3f"),
    "fresh sessions a minute, one at a time": ("fresh_per_minute_1_at_once", ",.0f"),
    "fresh sessions a minute, 4 at once": ("fresh_per_minute_4_at_once", ",.0f"),
    "fresh sessions a minute, 8 at once": ("fresh_per_minute_8_at_once", ",.0f"),
    "processor time of one of 8 at once, ms": ("fresh_cpu_ms_8_at_once", ".1f"),
    "memory of an idle session, 500 live, MiB": ("idle_mib_at_500_live", ".1f"),
    "memory of an idle session, MiB": ("idle_mib", ".1f"),
    "processes left 1 s after SIGKILL of the server": ("left_after_sigkill", ".0f"),
}

_NOTES = """\
A fresh session is started, runs one cell (`1 + 1`) and is ended. Sessions of Flyball find numpy and sympy loaded; a process
and a Jupyter kernel begin without any module, except in the row that says so. A call to bubblewrap or to a plain process
keeps no variables, so each is a fresh session, and there is no cell in a running one. Neither a plain process nor a Jupyter
kernel is kept from anything; bubblewrap was given namespaces and a read-only view of the system, no filter and no limits.
Memory is proportional: what processes share counts once. Processor time is that of all processes together.
"""


def render(setting: Mapping[str, str], results: Mapping[str, Mapping[str, float] | None]) -> str:
    """Setting, one table, and what its rows mean."""
    return "\n".join(["# Sandboxes for Python", "", *_setting(setting), "", *_table(results), "", _NOTES])


def _setting(setting: Mapping[str, str]) -> Iterator[str]:
    yield "By `make bench-sandbox`. " + ", ".join(f"{name}: {value}" for name, value in setting.items()) + "."
    cores = int(setting["cores"])
    if float(setting["load before the run"]) > cores / 4:
        yield ""
        yield "**The machine was loaded by other work during this run**: times are longer and rates lower than on an idle one."


def _table(results: Mapping[str, Mapping[str, float] | None]) -> Iterator[str]:
    sides = {side: figures for side, figures in results.items() if figures is not None}
    yield "| | " + " | ".join(sides) + " |"
    yield "|---" * (len(sides) + 1) + "|"
    for title, (name, shape) in _ROWS.items():
        values = [figures.get(name) for figures in sides.values()]
        if any(value is not None for value in values):
            yield f"| {title} | " + " | ".join("" if v is None else format(v, shape) for v in values) + " |"
    missing = [side for side in results if side not in sides]
    if missing:
        yield ""
        yield f"Not possible on this system, for this user: {', '.join(missing)}."
