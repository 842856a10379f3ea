"""What controllers and strategies are worth and what they cost, on real vLLM and world-v1: `make bench-controllers`.

Each study writes its own part; `--page` makes controllers.md, controllers.json and the plots of the parts that are there.
A study that was broken off goes on where it was.
"""

import signal
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.overhead.machine import machine

from .asking import Workshop, ask, told
from .findings import Asked, Part
from .page import write_page
from .plan import HERE, WHOLE, Plan, Scale, load_plan
from .serving import ROOT
from .storing import load_parts, save_part

STUDIES = ("trimr", "deciding", "family", "flyball_preset", "budgets", "over_budget", "watching")
"""In the order of their worth."""
CACHE = ROOT / ".cache" / "bench" / "controllers"


def asks(study: str) -> bool:
    """Whether the study is asked through `flyball eval`; the others measure by themselves."""
    return (HERE / "studies" / f"{study}.toml").exists()


def make(study: str, shop: Workshop, parts: Path) -> None:
    """Make a study, and write its part: again after each of its runs, so that a broken one has what was made."""
    setting = machine()
    if not asks(study):
        module = _module(study)
        save_part(_part(study, module.TITLE, shop, setting, findings=module.measure(shop)), parts)
        return
    plan, asked, reports = load_plan(study), list[Asked](), {}
    for run in plan.runs:
        reports[run.name] = report = ask(study, run, shop)
        asked.append(told(study, run, shop, report))
        missing = [each.name for each in plan.runs if each.name not in reports]
        found = _module(study).find(reports, shop)
        save_part(_part(study, plan.title, shop, setting, asked=asked, missing=missing, findings=found), parts)


def _module(study: str) -> Any:
    return import_module(f".studies.{study}", __package__)


def _part(study: str, title: str, shop: Workshop, setting: dict[str, str], **more: Any) -> Part:
    questions, samples = shop.scale
    return Part(study=study, title=title, questions=questions, samples=samples, machine=setting, **more)


def estimate(plan: Plan, scale: Scale) -> list[str]:
    """How long each run takes, about, if nothing of it is made yet."""
    return [f"  {run.name}: {len(run.arms)} arms, about {run.minutes(scale):.0f} minutes" for run in plan.runs]


def show_estimates(studies: Iterable[str], scale: Scale) -> None:
    """Print them before anything begins."""
    for study in studies:
        if not asks(study):
            module = _module(study)
            click.echo(f"{study}: {module.TITLE}, about {module.MINUTES} minutes")
            continue
        plan = load_plan(study)
        click.echo(f"{study}: {plan.title}, {scale.questions} questions, {scale.samples} samples")
        click.echo("\n".join(estimate(plan, scale)))


def smoke() -> None:
    """A study without vLLM, and the page of it, in a folder that does not stay. Errors: ClickException for a missed goal."""
    with TemporaryDirectory() as name:
        folder, scale = Path(name), Scale(4, 1)
        make("over_budget", Workshop(folder, scale), folder)
        parts = load_parts(folder)
        write_page(parts, STUDIES, folder)
        if not all(goal.met for goal in parts["over_budget"].findings.goals):
            raise click.ClickException("a budget did not hold")
        click.echo((folder / "controllers.md").read_text(encoding="utf-8"))


@click.command()
@click.option("--study", "studies", multiple=True, type=click.Choice(STUDIES), help="Repeatable; default: all.")
@click.option("--questions", default=WHOLE.questions, show_default=True, type=click.IntRange(1), help="Of each run.")
@click.option("--samples", default=WHOLE.samples, show_default=True, type=click.IntRange(1), help="Of each question.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where page and parts go; a trial's: not into benchmarks/."
)
@click.option("--page", is_flag=True, help="Only write the page, of the parts that are there.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Only say about how long it takes.")
@click.option("--smoke", "only_smoke", is_flag=True, help="Only see that it works, without vLLM; keep nothing.")
def main(
    studies: tuple[str, ...],
    questions: int,
    samples: int,
    out: Path | None,
    page: bool,
    only_estimate: bool,
    only_smoke: bool,
) -> None:
    """Measure controllers on real vLLM; the parts and the page are in benchmarks/."""
    signal.signal(signal.SIGTERM, _end)
    if only_smoke:
        return smoke()
    chosen, shop = studies or STUDIES, workshop(Scale(questions, samples))
    folder = out or (HERE.parent if shop.scale == WHOLE else shop.folder)
    parts = folder / "controllers" / "parts"
    if not page:
        show_estimates(chosen, shop.scale)
    if only_estimate:
        return
    for study in () if page else chosen:
        make(study, shop, parts)
    write_page(load_parts(parts), STUDIES, folder)
    click.echo(f"saved: {folder / 'controllers.md'}")


def workshop(scale: Scale) -> Workshop:
    """Where what is made at this scale is kept."""
    shop = Workshop(CACHE / f"{scale.questions}x{scale.samples}", scale)
    shop.folder.mkdir(parents=True, exist_ok=True)
    return shop


def _end(*_: object) -> None:
    """Leave by an exception, so that servers are ended; a second signal does not keep them from it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main()
