"""overhead.png: every arm relative to vLLM's own server."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .goals import first_text, throughput
from .results import Result
from .stats import Metric, ratio

_BASELINE = "vllm"
_COLOURS = {
    "flyball": "#0b5fa5",
    "flyball-2": "#4c9bd6",
    "flyball-openai": "#a6cdec",
    "optillm": "#d97706",
    "litellm": "#f2b46b",
    "vllm-stock": "#9a9a9a",
}

_LABEL_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85}


def draw(result: Result, path: Path) -> None:
    """Three panels: throughput of plain and of streaming answers, and the time to the first text."""
    arms = [arm for arm in result.titles if arm != _BASELINE]
    figure = Figure(figsize=(11, 12), layout="constrained")
    axes = figure.subplots(3, 1)
    panels = (
        ("Throughput of plain answers (higher is better)", throughput, False, False),
        ("Throughput of streamed answers (higher is better)", throughput, True, False),
        ("Time to the first text of streamed answers (lower is better, logarithmic)", first_text, True, True),
    )
    for axis, (title, metric, streaming, logarithmic) in zip(axes, panels, strict=True):
        _panel(axis, result, arms, metric, streaming)
        axis.set_title(title, loc="left", fontsize=12, fontweight="bold")
        if logarithmic:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}x")
            axis.yaxis.set_minor_formatter(NullFormatter())
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=10)
    figure.suptitle(f"Relative to vLLM's own server (1x), model {result.settings['model']}", fontsize=13)
    figure.savefig(path, dpi=120)


def _panel(axis: Axes, result: Result, arms: Sequence[str], metric: Metric, streaming: bool) -> None:
    places = sorted({cell.concurrency for cell in result.cells if cell.streaming == streaming})
    width = 0.84 / max(1, len(arms))
    for number, arm in enumerate(arms):
        offset = (number - (len(arms) - 1) / 2) * width
        _bars(
            axis, result, arm, metric, [(group + offset, place) for group, place in enumerate(places)], streaming, width
        )
    axis.axhline(1.0, color="black", linewidth=1, zorder=0)
    names = [f"{place} client{'s' if place > 1 else ''} at once" for place in places]
    axis.set_xticks(range(len(places)), names, fontsize=11)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(y=0.15)


def _bars(
    axis: Axes,
    result: Result,
    arm: str,
    metric: Metric,
    spots: Sequence[tuple[float, int]],
    streaming: bool,
    width: float,
) -> None:
    seen = [(x, ratio(result.cells, metric, arm, _BASELINE, place, streaming)) for x, place in spots]
    drawn = [(x, value) for x, value in seen if value is not None]
    bars = axis.bar(
        [x for x, _ in drawn],
        [value.median for _, value in drawn],
        width,
        yerr=[[value.error[0] for _, value in drawn], [value.error[1] for _, value in drawn]],
        error_kw={"elinewidth": 1, "ecolor": "#444444"},
        color=_COLOURS.get(arm, "#777777"),
        label=result.titles[arm],
    )
    axis.bar_label(bars, [f"{value.median:.2f}x" for _, value in drawn], fontsize=8.5, padding=2, bbox=_LABEL_BOX)
