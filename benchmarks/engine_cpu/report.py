"""engine_cpu.md and the tables on the terminal: one for each question."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from .arms import BLOCK_SIZES, CROWDED, DEFAULT, MANY, ONE, PLACES, RESUMED, SERIAL, SOME, Place
from .results import Result

_TOKENS, _REQUESTS = ("tokens_per_s", "tokens/s", ",.0f"), ("requests_per_s", "requests/s", ",.1f")
_CPU, _LATENCY = ("cpu_s_per_1k", "CPU seconds per 1,000 tokens", ".3f"), ("latency_ms", "latency, ms", ",.0f")
_CACHED, _FIRST = ("cached_tokens", "cached tokens", ",.0f"), ("first_ms", "first token, ms", ".1f")


@dataclass(frozen=True, slots=True)
class Question:
    """A group of arms and what is looked at."""

    title: str
    text: str
    arms: Sequence[str]
    columns: Sequence[tuple[Place, tuple[str, str, str]]]
    """A place, and the figure with its unit and its format."""


QUESTIONS = (
    Question(
        "Block size",
        "Cache hits are whole blocks: a call that goes on from an edit computes anew what the last, "
        "broken block held. vLLM on a CPU takes multiples of 32 only.",
        (DEFAULT, *(f"block-{size}" for size in BLOCK_SIZES)),
        ((MANY, _TOKENS), (RESUMED, _CACHED), (RESUMED, _FIRST)),
    ),
    Question(
        "Processes and threads",
        "The worker in the engine core's process (`VLLM_ENABLE_V1_MULTIPROCESSING=0`) or in one of its own, and OpenMP "
        "threads on all cores but one or on all. The busy process stands for an HTTP front and its clients.",
        (DEFAULT, "threads", "split", "split-threads"),
        ((MANY, _TOKENS), (CROWDED, _TOKENS), (MANY, _CPU), (CROWDED, _CPU)),
    ),
    Question(
        "Compiled or eager",
        "vLLM compiles the model at the start unless `enforce_eager` is set.",
        (DEFAULT, "eager"),
        ((ONE, _TOKENS), (SOME, _TOKENS), (MANY, _TOKENS)),
    ),
    Question(
        "One call after another",
        "What an engine gives that admits one call at a time: the same rate at any concurrency, and a latency that grows "
        "with it.",
        (DEFAULT, SERIAL),
        ((SOME, _REQUESTS), (MANY, _REQUESTS), (SOME, _LATENCY), (MANY, _LATENCY)),
    ),
)


def render(result: Result) -> str:
    """The whole report as markdown."""
    sections = ["# The engine on a CPU", _setting(result)]
    for question in _asked(result):
        head = ["", *(f"{place.name}: {figure[1]}" for place, figure in question.columns)]
        sections += [f"## {question.title}", question.text, _table(head, _rows(question, result, "<br>"))]
    others = ((place.name, result.other_cores(place.name)) for place in PLACES)
    start = [[result.titles[arm], f"{seconds:.0f}"] for arm, seconds in result.start_seconds.items()]
    sections += [
        "## Cores used by everything else",
        "While an engine was measured: the busy process where there is one, and whatever else ran on the machine.",
        _table(["", "cores"], [[name, seen.show(".2f")] for name, seen in others if seen is not None]),
        "## Seconds to start",
        "Once each, one after another; what vLLM keeps of earlier compilations was left as it was.",
        _table(["", "s"], start),
        "## Machine and versions",
        _table(["", ""], [[*pair] for pair in {**result.machine, **result.versions}.items()]),
    ]
    return "\n\n".join(sections) + "\n"


def tables(result: Result) -> Iterator[Table]:
    """The questions' tables for the terminal."""
    for question in _asked(result):
        table = Table(title=question.title, title_justify="left")
        for title in ("", *(f"{place.name}: {figure[1]}" for place, figure in question.columns)):
            table.add_column(title)
        for row in _rows(question, result, "\n"):
            table.add_row(*row)
        yield table


def _asked(result: Result) -> list[Question]:
    """Questions of which at least two arms were measured."""
    return [question for question in QUESTIONS if len(set(question.arms) & set(result.titles)) > 1]


def _rows(question: Question, result: Result, line_break: str) -> Iterator[list[str]]:
    for arm in question.arms:
        if arm not in result.titles:
            continue
        row = [result.titles[arm]]
        for place, (figure, _, spec) in question.columns:
            seen = result.spread(figure, arm, place.name)
            shown = ["-" if seen is None else seen.show(spec)]
            ratio = result.ratio(figure, arm, DEFAULT, place.name)
            if arm != DEFAULT and ratio is not None:
                shown.append(ratio.show(".2f", "x"))
            row.append(line_break.join(shown))
        yield row


def _setting(result: Result) -> str:
    settings = result.settings
    return (
        f"vLLM behind Flyball's adapter (`server/engines/vllm.py`), without HTTP: {settings['prompt_tokens']} random prompt "
        f"tokens and {settings['tokens']} greedy ones for each call, read as they come, model `{settings['model']}`. Each "
        "engine has processes of its own; all are up at once and one is asked at a time, in a new random order for each "
        f"measurement. Repeats: {settings['repeats']}. Medians, in brackets the lowest and the highest; a ratio is to the "
        "first row and taken within each repeat. A range that holds 1 shows no difference. Flyball's own settings are blocks of "
        "32 tokens, the worker in the engine core's process, OpenMP threads on all cores but one, and a compiled model. "
        f"A call that goes on from an edit shares the first {settings['edit_at']:,} of {settings['resumed_tokens']:,} tokens "
        "with one that the engine has just served."
        f"\n\nMade by `{result.command}`; every repeat is in `engine_cpu.json`."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
