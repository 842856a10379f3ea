"""The plot of a report: accuracy against tokens, and against dollars where they are known. It reads by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...core.errors import ConfigError
from .intervals import Interval
from .labels import Named, place
from .report import Report
from .summary import ArmSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0b5fa5", "#d97706", "#2f855a", "#b83280", "#6b46c1", "#975a16", "#2c7a7b", "#c53030")
_GREY = "#444444"
_MARKERS = {"arm": "o", "capped": "s", "no_thinking": "v", "vote": "D"}
_NAMES = {
    "capped": "plain, thinking capped at the arm's mean",
    "no_thinking": "plain, no thinking",
    "vote": "plain, vote on as many tokens",
}
_FORMATS = (".png", ".svg", ".pdf")
Point = tuple[float, float]


class Spot(NamedTuple):
    """One arm in the plot; accuracy in percent."""

    arm: ArmSummary
    x: float
    y: float
    x_interval: Interval | None
    colour: str


def check_plot(path: Path) -> None:
    """Errors: ConfigError for a format that cannot be written, or a folder that is not there."""
    if path.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--plot: {path.name} must end in one of {', '.join(_FORMATS)}")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} for the plot")


def save_plot(report: Report, path: Path) -> None:
    """Write the picture; a report without any figure to show gives none."""
    figure = draw(report)
    if figure is not None:
        figure.savefig(path, dpi=150)


def draw(report: Report) -> Figure | None:
    """One panel for tokens, one for dollars; None when neither is known."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(x, spots) for x in ("tokens", "dollars") if (spots := spots_of(report, x))]
    if not panels:
        return None
    figure = Figure(figsize=(1.6 + 7.2 * len(panels), 6.4), layout="constrained")
    for axis, (x, spots) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _panel(axis, spots, x)
    _headings(figure, report, panels[0][1])
    FigureCanvasAgg(figure)  # measures text
    figure.draw_without_rendering()  # places are known only now
    figure.set_layout_engine("none")  # and are kept
    for axis, (_, spots) in zip(figure.axes, panels, strict=True):
        _label(axis, spots)
    return figure


def spots_of(report: Report, x: str) -> list[Spot]:
    """The arms whose accuracy and tokens (or dollars) are known; a baseline has the colour of its arm."""
    arms = [*report.summary.arms, *report.summary.baselines]
    colours = {arm.arm: _COLOURS[index % len(_COLOURS)] for index, arm in enumerate(report.summary.arms)}
    found = []
    for arm in arms:
        value = arm.sampled if x == "tokens" else arm.usd
        interval = arm.sampled_interval if x == "tokens" else arm.usd_interval
        if value is not None and arm.accuracy is not None:
            colour = colours[arm.parent or arm.arm]
            factor = 1.0 if x == "tokens" else 1000.0
            scaled = None if interval is None else (factor * interval[0], factor * interval[1])
            found.append(Spot(arm, factor * value, 100 * arm.accuracy, scaled, colour))
    return found


def frontier(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats, from left to right: none is cheaper and at least as right.

    Example: of (10, 50), (20, 80), (30, 70) and (40, 90) all but the third.
    """
    found: list[Point] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if not found or y > found[-1][1]:
            found.append((x, y))
    return found


def _panel(axis: Axes, spots: Sequence[Spot], x: str) -> None:
    edge = frontier([(spot.x, spot.y) for spot in spots])
    places = {spot.arm.arm: spot for spot in spots}
    axis.plot(*zip(*edge, strict=True), color=_GREY, linewidth=1.2, zorder=1, drawstyle="steps-post")
    for spot in spots:
        parent = places.get(spot.arm.parent or "")
        if parent is not None:
            axis.plot([parent.x, spot.x], [parent.y, spot.y], color=spot.colour, linewidth=1, linestyle=":", zorder=1)
    for spot in spots:
        own = spot.arm.kind == "arm"
        axis.errorbar(
            spot.x,
            spot.y,
            xerr=_error(spot.x, spot.x_interval),
            yerr=_error(spot.y, None if spot.arm.interval is None else _percent(spot.arm.interval)),
            color=spot.colour,
            marker=_MARKERS[spot.arm.kind],
            markersize=8 if own else 6,
            markerfacecolor=spot.colour if own else "white",
            elinewidth=1,
            capsize=2,
            alpha=1 if own else 0.75,
            zorder=3 if own else 2,
        )
    axis.set_xlabel("tokens per request (kept + dropped + auxiliary)" if x == "tokens" else "dollars per 1000 requests")
    axis.set_ylabel("right, %")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.16, y=0.12)
    bottom, top = axis.get_ylim()
    axis.set_ylim(max(-3.0, bottom), min(103.0, top))
    low, high = axis.get_xlim()
    axis.set_xlim(max(0.0, low) if low < 0.25 * high else low, high)


def _percent(interval: Interval) -> Interval:
    return 100 * interval[0], 100 * interval[1]


def _error(value: float, interval: Interval | None) -> list[list[float]] | None:
    return None if interval is None else [[max(0.0, value - interval[0])], [max(0.0, interval[1] - value)]]


def _headings(figure: Figure, report: Report, spots: Sequence[Spot]) -> None:
    from matplotlib.lines import Line2D

    summary, settings = report.summary, report.settings
    scope = f"{summary.questions} questions, {settings.samples} sample(s) each"
    figure.suptitle(f"{settings.model} on {settings.questions}: n = {scope}, bars: 95% intervals", fontsize=12)
    kinds = dict.fromkeys(spot.arm.kind for spot in spots)
    handles = [
        Line2D([], [], color=_GREY, label="frontier: none cheaper is as right"),
        Line2D([], [], color=_GREY, linestyle="", marker="o", label="arm"),
    ]
    handles += [
        Line2D([], [], color=_GREY, linestyle="", marker=_MARKERS[kind], markerfacecolor="white", label=_NAMES[kind])
        for kind in kinds
        if kind in _NAMES
    ]
    if any(spot.arm.parent for spot in spots):
        handles.append(Line2D([], [], color=_GREY, linestyle=":", label="from an arm to its baselines"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _label(axis: Axes, spots: Sequence[Spot]) -> None:
    """Write every name beside its point, where it covers least."""
    place(axis, [Named(spot.x, spot.y, _name(spot), spot.colour) for spot in spots])


def _name(spot: Spot) -> str:
    """An arm's own name; of a baseline only what it is, as a line leads to its arm."""
    return spot.arm.arm if spot.arm.kind == "arm" else _SHORT[spot.arm.kind].format(spot.arm.allowed)


_SHORT = {"capped": "capped at {}", "no_thinking": "no thinking", "vote": "vote"}
