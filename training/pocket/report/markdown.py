"""pocket.md: the goals first, then every table, the verifier's errors, and under what the run was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .plots import PLOTS
from .results import Report
from .tables import Table, details, goals


def render(report: Report) -> str:
    """The whole page."""
    tables = [_section(table) for table in (goals(report), *details(report.measured))]
    plots = [f"![{title}]({name})" for name, title in PLOTS.items()]
    sections = ["# The pocket models of world-v1", _setting(report), tables[0], *plots, *tables[1:]]
    return "\n\n".join([*sections, _mistakes(report), _failures(report), _conditions(report)]) + "\n"


def _setting(report: Report) -> str:
    met = sum(outcome.met for outcome in report.outcomes)
    return (
        f"{met} of {len(report.outcomes)} goals are met.\n\n"
        f"Made by `{report.command}`: {report.settings.questions} held-out questions a figure (a cell of a table by steps, "
        "too), greedy unless a temperature is given, through Flyball's server and vLLM. A request that failed counts as wrong. "
        "In brackets: Wilson's 95% interval and the counts. All counts are in `pocket.json`.\n\n"
        "Chains of one step are 300 in all and tests own about a tenth of them, so the questions of one step are "
        "paraphrases of few chains."
    )


def _section(table: Table) -> str:
    parts = [f"## {table.title}", table.note, _grid(table.head, table.rows)]
    return "\n\n".join(part for part in parts if part)


def _mistakes(report: Report) -> str:
    found = report.measured.verifying
    if not found.wrong:
        return "## The verifier's errors\n\nThere were none."
    shown = "\n\n".join(
        f"{number}. {mistake.source}; right is {mistake.expected}, P(Yes) {mistake.yes:.3f}\n\n{_indented(mistake.prompt)}"
        for number, mistake in enumerate(found.mistakes, 1)
    )
    return f"## The verifier's errors\n\n{found.wrong} in all; the first {len(found.mistakes)}:\n\n{shown}"


def _indented(text: str) -> str:
    return "\n".join(["    ```", *(f"    {line}" for line in text.splitlines()), "    ```"])


def _failures(report: Report) -> str:
    if not report.errors:
        return "## Failed requests\n\nThere were none."
    lines = [f"- {count} times, {message}" for message, count in list(report.errors.items())[:10]]
    return "\n".join([f"## Failed requests\n\n{sum(report.errors.values())} in all.\n", *lines])


def _conditions(report: Report) -> str:
    pairs = {
        **report.machine,
        **report.versions,
        "seconds since the run was begun or resumed": f"{report.seconds:.0f}",
        "turns": f"{report.turns:,}",
        "seed": str(report.settings.seed),
        **{f"SHA-256 of {name}": digest for name, digest in report.settings.files.items()},
    }
    return "## Machine and versions\n\n" + _grid(("", ""), [(name, value) for name, value in pairs.items()])


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
