"""Names beside points, each where it covers least."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_DISTANCES = (9.0, 18.0, 30.0, 44.0, 60.0)
"""Of a name from its point, in points of 1/72 inch."""
_SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_LED = 25.0
"""From this distance on a thin line leads to the point."""


def place(axis: Axes, named: Sequence[tuple[float, float, str, str]]) -> None:
    """Write (x, y, name, colour) into an axis whose layout is done.

    One after another, each at the nearest of some places around its point that is inside of the axis and covers no
    other name, point or bar; where there is none, at that which covers least.
    """
    from matplotlib.transforms import Bbox

    renderer = axis.figure.canvas.get_renderer()  # type: ignore[attr-defined, union-attr, unused-ignore]
    inside = axis.get_window_extent()
    taken = [*_marks(axis, named), *_bars(axis)]
    for x, y, name, colour in named:
        text = axis.annotate(name, (x, y), (0, 0), textcoords="offset points", fontsize=9, color=colour, zorder=5)
        best: tuple[float, tuple[float, float], str, str] | None = None
        for (dx, dy), across, along, away in _places():
            text.set_position((dx, dy))
            text.set_horizontalalignment(across)  # type: ignore[arg-type, unused-ignore]
            text.set_verticalalignment(along)  # type: ignore[arg-type, unused-ignore]
            cost = _cost(text.get_window_extent(renderer), inside, taken) + away
            if best is None or cost < best[0]:
                best = cost, (dx, dy), across, along
        assert best is not None
        _, (dx, dy), across, along = best
        text.set_position((dx, dy))
        text.set_horizontalalignment(across)  # type: ignore[arg-type, unused-ignore]
        text.set_verticalalignment(along)  # type: ignore[arg-type, unused-ignore]
        taken.append(Bbox(text.get_window_extent(renderer).get_points()))
        if max(abs(dx), abs(dy)) > _LED:
            style = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkB": 4}
            axis.annotate("", (x, y), (dx, dy), textcoords="offset points", arrowprops=style, zorder=1)


def _places() -> Iterator[tuple[tuple[float, float], str, str, float]]:
    """Offset, alignments, and a little cost for being far away."""
    for distance, (right, up) in itertools.product(_DISTANCES, _SIDES):
        across = {1: "left", -1: "right", 0: "center"}[right]
        along = {1: "bottom", -1: "top", 0: "center"}[up]
        slanted = 0.7 if right and up else 1.0
        yield (distance * slanted * right, distance * slanted * up), across, along, distance


def _cost(box: Bbox, inside: Bbox, taken: Sequence[Bbox]) -> float:
    """Square pixels that are covered, or outside."""
    covered = sum(_common(box, other) for other in taken)
    outside = box.width * box.height - _common(box, inside)
    return covered + 10 * outside


def _common(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width * height if width > 0 and height > 0 else 0.0


def _marks(axis: Axes, named: Sequence[tuple[float, float, str, str]]) -> list[Bbox]:
    found = (axis.transData.transform((x, y)) for x, y, _, _ in named)
    return [_square(float(x), float(y), 9.0) for x, y in found]


def _bars(axis: Axes) -> list[Bbox]:
    """The bars of intervals, and the lines, cut into small boxes."""
    from matplotlib.collections import LineCollection

    bars = [collection for collection in axis.collections if isinstance(collection, LineCollection)]
    paths: list[Any] = [segment for bar in bars for segment in bar.get_segments()]
    paths += [line.get_xydata() for line in axis.lines if line.get_linestyle() != "None"]
    return [box for path in paths for box in _along(axis, path)]


def _along(axis: Axes, points: Any, step: float = 6.0) -> Iterator[Bbox]:
    ends = [axis.transData.transform(point) for point in points]
    for (x0, y0), (x1, y1) in itertools.pairwise(ends):
        count = max(1, round(max(abs(x1 - x0), abs(y1 - y0)) / step))
        for index in range(count + 1):
            part = index / count
            yield _square(x0 + part * (x1 - x0), y0 + part * (y1 - y0), 2.0)


def _square(x: float, y: float, half: float) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(x - half, y - half, x + half, y + half)
