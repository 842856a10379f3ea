"""The plots beside pocket.md: accuracy by difficulty and mode, thought counts, calibration of the first token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arithmetic import Way
from .calibration import Results as Calibration
from .chains import FREE_TEMPERATURE
from .overthinking import Results as Overthinking
from .results import Measured
from .shares import Share

ACCURACY, THOUGHTS, CALIBRATION = "pocket.accuracy.png", "pocket.thoughts.png", "pocket.calibration.png"
PLOTS = {
    ACCURACY: "Accuracy by difficulty and mode",
    THOUGHTS: "Verifications after the first result",
    CALIBRATION: "Calibration of the first token's choice not to think",
}
_BLUE, _LIGHT, _ORANGE, _GREY, _GREEN = "#0b5fa5", "#7fb6e2", "#d97706", "#8a8a8a", "#2f855a"
_ARMS: Mapping[Way, str] = {"hint-declared": _BLUE, "hint-fenced": _LIGHT, "hint-alone": _GREY, "alone": _ORANGE}


def draw(measured: Measured, folder: Path) -> None:
    """Writes the three files."""
    for name, figure in (
        (ACCURACY, _accuracy(measured)),
        (THOUGHTS, _thoughts(measured.overthinking)),
        (CALIBRATION, _calibration(measured.calibration)),
    ):
        figure.savefig(folder / name, dpi=120)


def _accuracy(measured: Measured) -> Figure:
    figure = Figure(figsize=(14, 6), layout="constrained")
    chain, big, lookup = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
    found = measured.chains
    _line(chain, {s: c.right for s, c in found.of("thinking").items()}, "thinking, greedy", _BLUE)
    _line(chain, measured.sampling.by_steps, f"thinking, temperature {measured.sampling.temperature:g}", _LIGHT)
    free = found.of("free", FREE_TEMPERATURE)
    _line(chain, {s: c.right for s, c in free.items()}, f"left free, temperature {FREE_TEMPERATURE:g}", _GREEN)
    _line(chain, {s: c.right for s, c in found.of("silent").items()}, "without thinking, greedy", _ORANGE)
    _frame(chain, "Chains", "steps")
    chain.set_xticks(sorted(found.of("thinking")))
    arms = measured.arithmetic.arms
    for key, colour in _ARMS.items():
        _line(big, arms[key].by_digits, arms[key].name, colour)
    _frame(big, "Products and sums of big numbers", "digits of the longest number")
    big.set_xticks(sorted(arms["alone"].by_digits))
    _bars(lookup, measured)
    figure.suptitle("Right answers to held-out questions, with 95% intervals", fontsize=13)
    return figure


def _line(axis: Axes, shares: Mapping[int, Share], label: str, colour: str) -> None:
    known = {place: share for place, share in shares.items() if share.of}
    values = [100 * share.value for share in known.values()]
    axis.errorbar(
        list(known), values, yerr=_spread(known), label=label, color=colour, marker="o", markersize=4, capsize=2
    )


def _spread(shares: Mapping[int, Share]) -> list[list[float]]:
    low = [100 * max(0.0, share.value - share.interval[0]) for share in shares.values()]
    high = [100 * max(0.0, share.interval[1] - share.value) for share in shares.values()]
    return [low, high]


def _bars(axis: Axes, measured: Measured) -> None:
    kinds = measured.lookups.kinds
    arms = (
        ("without search", [kind.alone for kind in kinds.values()], _ORANGE),
        ("with search", [kind.with_reasoning for kind in kinds.values()], _BLUE),
        ("with search, thinking stripped", [kind.without_reasoning for kind in kinds.values()], _LIGHT),
    )
    for number, (label, shares, colour) in enumerate(arms):
        places = [place + 0.27 * (number - 1) for place in range(len(shares))]
        spread = _spread(dict(enumerate(shares)))
        axis.bar(places, [100 * s.value for s in shares], 0.25, yerr=spread, label=label, color=colour, capsize=2)
    _frame(axis, "Questions about documents", "")
    axis.set_xticks(range(len(kinds)), [name.replace("_", "\n") for name in kinds])


def _frame(axis: Axes, title: str, below: str) -> None:
    axis.set_title(title, loc="left", fontweight="bold")
    axis.set_xlabel(below)
    axis.set_ylabel("right, %")
    axis.set_ylim(-2, 104)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12))


def _thoughts(found: Overthinking) -> Figure:
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panels = ((left, "All thoughts after the first result", False), (right, "Those after a right result", True))
    for axis, title, redundant in panels:
        for number, (sample, colour) in enumerate(zip(found.samples, (_BLUE, _LIGHT, _ORANGE), strict=True)):
            counts = sample.redundant if redundant else sample.verifications
            mean = sample.mean_redundant if redundant else sample.mean_verifications
            total = max(1, sum(counts.values()))
            places = [count + 0.28 * (number - 1) for count in counts]
            heights = [100 * times / total for times in counts.values()]
            axis.bar(places, heights, 0.26, color=colour, label=f"{sample.name}: mean {mean:.1f}")
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlabel("verifications in one thinking")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    left.set_ylabel("thinkings, %")
    return figure


def _calibration(found: Calibration) -> Figure:
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    means = [bin.mean for bin in found.bins]
    shares = dict(enumerate(bin.right for bin in found.bins))
    top.plot([0, 1], [0, 100], color=_GREY, linestyle="--", linewidth=1, label="the chance equals the share")
    values = [100 * share.value for share in shares.values()]
    top.errorbar(
        means, values, yerr=_spread(shares), color=_BLUE, marker="o", capsize=2, label="chains of 1 to 12 steps"
    )
    _frame(top, "Does it skip thinking where it can do without?", "")
    top.set_ylabel("right without thinking, %")
    edges = [(bin.low, bin.high - bin.low, bin.right.of) for bin in found.bins]
    below.bar(
        [e[0] for e in edges], [e[2] for e in edges], [e[1] for e in edges], align="edge", color=_LIGHT, ec="white"
    )
    below.set_ylabel("questions")
    below.set_xlabel("chance that the first token opens an empty think block")
    below.spines[["top", "right"]].set_visible(False)
    return figure
