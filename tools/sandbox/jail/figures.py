"""The pictures that a cell has drawn with matplotlib."""

from __future__ import annotations

import io
import sys


def take_figures(most: int, most_bytes: int) -> list[bytes]:
    """Every open figure as PNG, closing them all; those beyond either limit are left out."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        return []
    images: list[bytes] = []
    for number in pyplot.get_fignums()[:most]:
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png", bbox_inches="tight")
        if sum(map(len, images)) + file.tell() <= most_bytes:
            images.append(file.getvalue())
    pyplot.close("all")
    return images
