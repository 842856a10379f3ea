"""Names beside points, each where it covers least."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DISTANCES = (9.0, 18.0, 30.0, 44.0, 60.0)
"""Of a name from its point, in points of 1/72 inch."""
_SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_LED = 25.0
"""From this distance on a thin line leads to the point."""
_POINT, _LINE, _STEP = 9.0, 2.0, 6.0
"""Half the side of the square that a point takes and of those along a line, and how far apart these are; pixels."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in pixels."""


class Named(NamedTuple):
    """A point and its name."""

    x: float
    y: float
    name: str
    colour: str


def place(axis: Axes, named: Sequence[Named]) -> None:
    """Write the names into an axis whose layout is done and whose figure has an Agg canvas.

    One after another, each at the nearest of some places around its point that is inside of the axis and covers no
    other name, point or bar; where there is none, at that which covers least.
    """
    inside: Box = axis.get_window_extent().extents
    pixels = axis.figure.dpi / 72
    taken = [_square(*_pixel(axis, point.x, point.y), _POINT) for point in named] + _lines(axis)
    for point in named:
        text = axis.annotate(
            point.name,
            (point.x, point.y),
            (0, 0),
            textcoords="offset points",
            va="bottom",
            color=point.colour,
            fontsize=9,
            zorder=5,
        )
        size = text.get_window_extent()
        at = _pixel(axis, point.x, point.y)
        places = [(_box(at, offset, side, size.width, size.height, pixels), offset) for offset, side in _places()]
        costs = _costs([box for box, _ in places], inside, taken)
        costs = [cost + abs(dx) + abs(dy) for cost, (_, (dx, dy)) in zip(costs, places, strict=True)]
        box, (dx, dy) = places[costs.index(min(costs))]
        text.set_position(((box[0] - at[0]) / pixels, (box[1] - at[1]) / pixels))
        taken.append(box)
        if max(abs(dx), abs(dy)) > _LED:
            style = {"arrowstyle": "-", "color": point.colour, "linewidth": 0.6, "shrinkB": 4}
            axis.annotate("", (point.x, point.y), (dx, dy), textcoords="offset points", arrowprops=style, zorder=1)


def _places() -> Iterator[tuple[tuple[float, float], tuple[int, int]]]:
    """Offsets in points, and to which side they lead."""
    for distance, (right, up) in itertools.product(_DISTANCES, _SIDES):
        slanted = distance * (0.7 if right and up else 1.0)
        yield (slanted * right, slanted * up), (right, up)


def _box(
    at: tuple[float, float],
    offset: tuple[float, float],
    side: tuple[int, int],
    width: float,
    height: float,
    pixels: float,
) -> Box:
    """Where a name of this size lies: beyond the offset, or centred on it. Example: side (1, 0) is to the right."""
    left = at[0] + pixels * offset[0] + (side[0] - 1) / 2 * width
    bottom = at[1] + pixels * offset[1] + (side[1] - 1) / 2 * height
    return left, bottom, left + width, bottom + height


def _costs(boxes: Sequence[Box], inside: Box, taken: Sequence[Box]) -> list[float]:
    """Of each box, the square pixels that it covers, and ten for each that is outside."""
    import numpy as np

    candidates, others = np.array(boxes)[:, None, :], np.array(taken)[None, :, :]
    covered = _common(candidates, others).sum(axis=1)
    area = (candidates[..., 2] - candidates[..., 0]) * (candidates[..., 3] - candidates[..., 1])
    outside = (area - _common(candidates, np.array([[inside]]))).sum(axis=1)
    return [float(cost) for cost in covered + 10 * outside]


def _common(a: Any, b: Any) -> Any:
    import numpy as np

    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    return np.clip(width, 0, None) * np.clip(height, 0, None)


def _lines(axis: Axes) -> list[Box]:
    """The bars of intervals, and the lines, as small boxes one beside another."""
    from matplotlib.collections import LineCollection

    bars = [collection for collection in axis.collections if isinstance(collection, LineCollection)]
    paths: list[Any] = [segment for bar in bars for segment in bar.get_segments()]
    paths += [line.get_xydata() for line in axis.lines if line.get_linestyle() != "None"]
    return [box for path in paths for box in _along([_pixel(axis, x, y) for x, y in path])]


def _along(ends: Sequence[tuple[float, float]]) -> Iterator[Box]:
    for (x0, y0), (x1, y1) in itertools.pairwise(ends):
        count = max(1, round(max(abs(x1 - x0), abs(y1 - y0)) / _STEP))
        for index in range(count + 1):
            part = index / count
            yield _square(x0 + part * (x1 - x0), y0 + part * (y1 - y0), _LINE)


def _pixel(axis: Axes, x: float, y: float) -> tuple[float, float]:
    across, up = axis.transData.transform((x, y))
    return float(across), float(up)


def _square(x: float, y: float, half: float) -> Box:
    return x - half, y - half, x + half, y + half
