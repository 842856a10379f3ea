"""The figures of a run as titled tables of text cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .arithmetic import Results as Arithmetic
from .chains import FREE_TEMPERATURE
from .chains import Results as Chains
from .endings import Results as Endings
from .lookups import Results as Lookups
from .overthinking import Results as Overthinking
from .results import Measured, Report
from .shares import Share


@dataclass(frozen=True, slots=True)
class Table:
    """`note` stands above the table."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def goals(report: Report) -> Table:
    """Every goal with its verdict."""
    rows = ((o.goal, o.bound, o.found, "met" if o.met else "NOT MET") for o in report.outcomes)
    return Table("Goals", "", ("", "goal", "found", "verdict"), tuple(rows))


def details(measured: Measured) -> list[Table]:
    """Everything else, in the order of the measurements."""
    return [
        _chains(measured.chains),
        _free(measured.chains),
        _overthinking(measured.overthinking),
        _arithmetic(measured.arithmetic),
        _lookups(measured.lookups),
        _shares(
            "The mixed set with all tools", _MIXED, {"all": measured.lookups.mixed, **measured.lookups.mixed_by_kind}
        ),
        _endings(measured.endings),
        _budgets(measured),
        _sampling(measured),
        _shares("Judging", _JUDGING, {"all": measured.judging.right, **measured.judging.by_aspect}),
        _verifying(measured),
        _calibration(measured),
        _overlap(measured),
    ]


_MIXED = "Search and Python are declared; questions on big numbers also get the hint to use Python."
_JUDGING = "Short questions about somebody's steps, answered without thinking with one word or digit."


def percent(share: Share) -> str:
    """Example: `97.0% (95.8 to 97.9; 970 of 1000)`."""
    if not share.of:
        return "-"
    low, high = share.interval
    errors = f", {share.errors} failed" if share.errors else ""
    return f"{100 * share.value:.1f}% ({100 * low:.1f} to {100 * high:.1f}; {share.hits} of {share.of}{errors})"


def short(share: Share | None) -> str:
    """Example: `97.0`."""
    return f"{100 * share.value:.1f}" if share is not None and share.of else "-"


def _shares(title: str, note: str, shares: Mapping[str, Share]) -> Table:
    return Table(title, note, ("", "right"), tuple((name, percent(share)) for name, share in shares.items()))


def _chains(found: Chains) -> Table:
    steps = sorted(found.of("thinking"))
    note = "Right answers in %, greedy, by number of steps."
    rows = [
        ("with thinking", *(short(found.of("thinking")[count].right) for count in steps)),
        ("without thinking", *(short(found.of("silent")[count].right) for count in steps)),
        ("thinking that ran out of tokens", *(short(found.of("thinking")[count].unfinished) for count in steps)),
    ]
    return Table("Chains", note, ("steps", *map(str, steps)), tuple(rows))


def _free(found: Chains) -> Table:
    cells = found.of("free", FREE_TEMPERATURE)
    rows = [(f"{steps}", percent(cell.right), percent(cell.empty)) for steps, cell in cells.items()]
    note = f"Left free, the model's first token decides whether it thinks; temperature {FREE_TEMPERATURE:g}."
    return Table("Chains, left free", note, ("steps", "right", "opened with no-think"), tuple(rows))


def _overthinking(found: Overthinking) -> Table:
    rows = [
        (
            sample.name,
            f"{sample.thinkings}",
            f"{sample.mean_verifications:.2f}",
            f"{sample.mean_redundant:.2f}",
            percent(sample.redundant_share),
            percent(sample.erred),
            percent(sample.corrected),
        )
        for sample in found.samples
    ]
    note = (
        "Thinking on chains. Verifications are the thoughts after the first stated result; redundant are those before "
        "which the result was right already. Corrected: of the thinkings whose first result is wrong, the answer is right."
    )
    head = ("", "thinkings", "verifications, mean", "redundant, mean", "redundant", "first attempt wrong", "corrected")
    return Table("Overthinking and mistakes", note, head, tuple(rows))


def _arithmetic(found: Arithmetic) -> Table:
    digits = sorted({count for arm in found.arms.values() for count in arm.by_digits})
    rows = [
        (arm.name, percent(arm.right), percent(arm.python), *(short(arm.by_digits.get(count)) for count in digits))
        for arm in found.arms.values()
    ]
    note = "Python: the model wrote code in its thinking or called the tool. The last columns: right answers in % by digits."
    return Table("Big numbers", note, ("", "right", "Python", *(f"{count} digits" for count in digits)), tuple(rows))


def _lookups(found: Lookups) -> Table:
    rows = [
        (kind, percent(k.alone), percent(k.with_reasoning), percent(k.without_reasoning), f"{k.searches:.2f}")
        for kind, k in found.kinds.items()
    ]
    note = "The client's tool `search` finds three passages by BM25; the history is sent back with or without the thinking."
    head = ("", "without search", "with search, thinking sent back", "thinking stripped", "searches, mean")
    return Table("Lookups", note, head, tuple(rows))


def _endings(found: Endings) -> Table:
    rows = [
        (name, percent(ending.agrees), percent(ending.right), percent(ending.right_before))
        for name, ending in (*found.endings.items(), *found.probes.items())
    ]
    note = "Thinking on chains of 2 to 8 steps, cut at a random token; then the text is appended and the model answers."
    head = ("appended", "says the last stated result", "right, all", "right, where none was stated")
    return Table("Forced ends and probes", note, head, tuple(rows))


def _budgets(measured: Measured) -> Table:
    found = measured.budgets
    rows = (
        ("search, no block shown: calls again (the second hop)", percent(found.search_no_block)),
        ("search, none left: answers", percent(found.search_none_left)),
        ("search, much left: calls again", percent(found.search_much_left)),
        ("Python, no block shown: calls again", percent(found.python_no_block)),
        ("Python, none left: answers", percent(found.python_none_left)),
        ("Python, much left: calls again", percent(found.python_much_left)),
        ("Python, much left, temperature 0.8: calls again", percent(found.python_much_left_warm)),
    )
    note = "What the turn after the first result does: two hops with search, big numbers with a hint and Python."
    return Table("Budgets", note, ("", "share"), rows)


def _sampling(measured: Measured) -> Table:
    found = measured.sampling
    rows = [
        ("greedy", percent(found.greedy)),
        (f"temperature {found.temperature:g}, {found.samples} samples each", percent(found.sampled)),
        *((f"… {steps} steps", percent(share)) for steps, share in found.by_steps.items()),
        ("different thinkings among the samples of a question", percent(found.distinct)),
    ]
    return Table("Sampling", "The same chains of 1 to 8 steps with thinking.", ("", "share"), tuple(rows))


def _verifying(measured: Measured) -> Table:
    found = measured.verifying
    rows = [(f"held-out, {kind}", percent(share)) for kind, share in found.held_out.items()]
    rows += [(f"the reasoner's own, {kind}", percent(share)) for kind, share in found.sampled.items()]
    note = (
        "Yes or No by the first token. Held-out passages are drawn as in the training, of test questions; the reasoner's "
        "own are thoughts that it sampled at temperature 0.8, half of them cut, and pairs of neighbours, half of them with a "
        "changed result."
    )
    return Table("The verifier", note, ("", "right"), tuple(rows))


def _calibration(measured: Measured) -> Table:
    found = measured.calibration
    rows = [
        (f"{bin.low:g} to {bin.high:g}", f"{bin.right.of}", f"{bin.mean:.3f}", percent(bin.right)) for bin in found.bins
    ]
    steps = ", ".join(f"{count}: {value:.2f}" for count, value in found.by_steps.items())
    note = (
        "The chance that the first token opens an empty think block, beside the answers without thinking. "
        f"Mean chance by steps: {steps}. Where the answer without thinking is right: {found.mean_if_right:.3f}; "
        f"where it is wrong: {found.mean_if_wrong:.3f}."
    )
    return Table(
        "The first token's choice", note, ("chance", "questions", "mean", "right without thinking"), tuple(rows)
    )


def _overlap(measured: Measured) -> Table:
    rows = [
        (name, f"{sort.trained}", f"{sort.shipped}", f"{len(sort.both)}", _quoted(sort.both))
        for name, sort in measured.overlap.sorts.items()
    ]
    note = (
        "Phrases of the training data, and phrases that the controllers ship or that this report uses, the marker that ends "
        "thinking aside. Shared on purpose: reflection words, as thoughts begin with them and s1 writes one; TrimR's heading of "
        "an answer; what is said of budgets and asked of a verifier, in the words that a model this small was taught."
    )
    return Table("Overlap of wordings", note, ("", "trained", "shipped", "the same", ""), tuple(rows))


def _quoted(phrases: Iterable[str]) -> str:
    """On one line, as a table wants it."""
    return ", ".join(f"“{' '.join(phrase.split())}”" for phrase in phrases)
