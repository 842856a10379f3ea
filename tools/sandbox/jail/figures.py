"""The pictures that a cell has drawn with matplotlib."""

from __future__ import annotations

import io
import sys

from ..limits import Limits
from ..png import pixels


def take_figures(limits: Limits) -> list[bytes]:
    """Every open figure as PNG, closing them all; those beyond a limit are left out."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        return []
    images: list[bytes] = []
    for number in pyplot.get_fignums()[: limits.images]:
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png", bbox_inches="tight")
        small = pixels(file.getvalue()) <= limits.image_pixels
        if small and sum(map(len, images)) + file.tell() <= limits.image_bytes:
            images.append(file.getvalue())
    pyplot.close("all")
    return images
