"""controllers.md, controllers.json and the plots, of the parts that are there."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from flyball.training.evaluate.pareto import save_plot
from flyball.training.evaluate.report import Report

from .arms_table import arms_table
from .findings import Asked, Goal, Part
from .plan import HERE, WHOLE

_ABOUT = """\
The model is small and trained by us to overthink, to err and to heed hints as large ones do (docs/pocket.md): the figures show that the \
mechanisms work, what they cost, and how they fail. They do not say what a method gains on a large model.

Questions are held-out ones of world-v1, asked through `flyball eval` against `flyball serve` on real vLLM (docs/eval.md). *Right* is in percent, \
in brackets are 95% bootstrap intervals over questions; differences are in points, paired by question. *Tokens in all* are those kept, dropped, \
and sampled by probes and auxiliary models. A baseline asks plainly: *capped* at the arm's mean thinking tokens, a *vote* of as many samples as fit \
the arm's mean tokens, *no thinking*. An arm that ties its capped baseline has shown no effect.
"""
Why = Mapping[str, Mapping[str, Mapping[str, str]]]


def write_page(parts: Mapping[str, Part], studies: Sequence[str], out: Path) -> None:
    """Write the page and what belongs to it."""
    out.mkdir(parents=True, exist_ok=True)
    notes = (HERE / "studies" / "notes.toml").read_text(encoding="utf-8")
    plots = {
        (part.study, run.name): name for part in parts.values() for run in part.asked if (name := _plot(part, run, out))
    }
    (out / "controllers.md").write_text(render(parts, studies, tomllib.loads(notes), plots), encoding="utf-8")
    (out / "controllers.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(digest(parts, studies)), indent=1) + b"\n"
    )


def _plot(part: Part, run: Asked, out: Path) -> str | None:
    name = f"controllers.{part.study}.{run.name}.png"
    save_plot(_readable(run.report), out / name)
    return name if (out / name).exists() else None


def _readable(report: Report) -> Report:
    """Of the baselines the capped ones alone: with three for each of ten arms no name can be read; the table has all."""
    capped = [arm for arm in report.summary.baselines if arm.kind == "capped"]
    return msgspec.structs.replace(report, summary=msgspec.structs.replace(report.summary, baselines=capped))


def digest(parts: Mapping[str, Part], studies: Sequence[str]) -> dict[str, Any]:
    """Goals, and which studies are there."""
    return {
        "goals": [
            {"study": name, **msgspec.structs.asdict(goal)}
            for name in studies
            if name in parts
            for goal in parts[name].findings.goals
        ],
        "studies": {
            name: {"questions": part.questions, "samples": part.samples, "machine": part.machine}
            for name, part in parts.items()
        },
        "missing": [name for name in studies if name not in parts],
    }


def render(parts: Mapping[str, Part], studies: Sequence[str], why: Why, plots: Mapping[tuple[str, str], str]) -> str:
    """The goals of all studies first, then a chapter for each."""
    there = [parts[name] for name in studies if name in parts]
    lines = ["# Controllers", "", _ABOUT, *_goals(there), ""]
    if missing := [name for name in studies if name not in parts]:
        lines += [f"**Not run: {', '.join(missing)}.**", ""]
    for part in there:
        lines += _chapter(part, why.get(part.study, {}), plots)
    return "\n".join(lines).rstrip() + "\n"


def _goals(parts: Sequence[Part]) -> Iterator[str]:
    yield from table(
        [["", "goal", "found", "verdict"], *([*_cells(goal)] for part in parts for goal in part.findings.goals)]
    )


def _cells(goal: Goal) -> Iterator[str]:
    yield from (goal.title, goal.goal, goal.found)
    yield "unknown" if goal.met is None else "met" if goal.met else "**not met**"


def _chapter(part: Part, why: Mapping[str, Mapping[str, str]], plots: Mapping[tuple[str, str], str]) -> Iterator[str]:
    setting = ", ".join(f"{name}: {value}" for name, value in part.machine.items())
    yield from (
        f"## {part.title}",
        "",
        f'By `make bench-controllers ARGS="--study {part.study}{_scale(part)}"`; {setting}.',
        "",
    )
    if part.questions < WHOLE.questions or part.samples < WHOLE.samples:
        yield from (
            f"**A trial of {part.questions} questions and {part.samples} samples: too few to say anything.**",
            "",
        )
    if part.missing:
        yield from (f"**Not run: {', '.join(part.missing)}.**", "")
    for found in part.findings.tables:
        yield from (f"### {found.title}", "", *table(found.lines), "")
    yield from (*(f"- {note}" for note in part.findings.notes), "")
    for run in part.asked:
        yield from _run(run, why.get(run.name, {}), plots.get((part.study, run.name)))


def _scale(part: Part) -> str:
    return "" if (part.questions, part.samples) == WHOLE else f" --questions {part.questions} --samples {part.samples}"


def _run(run: Asked, why: Mapping[str, str], plot: str | None) -> Iterator[str]:
    settings = run.report.settings
    yield from (f"### {run.name}", "", run.why.strip(), "")
    yield f"{settings.question_count} questions, {settings.samples} sample(s) each, {settings.concurrency} requests at once, {_sampling(settings.sampling)}."
    yield from ("", *table(list(arms_table(run.report, why))), "")
    yield from (*(f"- {note}" for note in [*run.report.reused, *_missing(run.report)]), "")
    if plot is not None:
        yield from (f"![Accuracy against tokens]({plot})", "")
    yield from ("```sh", *run.commands, "```", "")


def _missing(report: Report) -> Iterator[str]:
    for arm in [*report.summary.arms, *report.summary.baselines]:
        if arm.errors or arm.ungraded:
            yield f"{arm.arm}: {arm.errors} of {arm.requests} requests failed, {arm.ungraded} were not graded: they are in no figure"


def _sampling(sampling: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sampling.items())


def table(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """As Markdown; the first line is the head."""
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    for line in [head, ["---", *["---:"] * (len(head) - 1)], *body]:
        yield f"| {' | '.join(line)} |"
