"""A result takes no more room than it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..cutting import cut_middle
from ..result import Image, Result
from ..tool import CallContext, Tool
from .base import Wrapper


class OutputCap(Wrapper):
    """Cuts long text in the middle and leaves out pictures beyond `image_bytes`; the text says so.

    `structured` of a result whose text was cut is left out too, as it would be as long.
    """

    def __init__(self, inner: Tool, *, characters: int = 16_000, image_bytes: int = 4 * 1024 * 1024) -> None:
        super().__init__(inner)
        self._characters, self._image_bytes = characters, image_bytes

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """One call, and what fits of its result."""
        result = await self.inner.call(arguments, context)
        images = self._fitting(result.images)
        text = cut_middle(result.text, self._characters)
        structured = result.structured if text == result.text else None
        if dropped := len(result.images) - len(images):
            text += f"\n[{dropped} of {len(result.images)} pictures left out: too large]"
        return replace(result, text=text, images=images, structured=structured)

    def _fitting(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        fitting, left = [], self._image_bytes
        for image in images:
            if len(image.data) <= left:
                fitting.append(image)
                left -= len(image.data)
        return tuple(fitting)
