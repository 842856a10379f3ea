"""The pocket models: Qwen3's format in a world of fewer words."""

from __future__ import annotations

import msgspec

from .base import TokenizerFormat
from .qwen3 import QWEN3

REFLECTION_WORDS = ("Wait", "Alternatively", "Hmm", "Let me double-check")
POCKET = msgspec.structs.replace(QWEN3, name="pocket", reflection_words=REFLECTION_WORDS)


class PocketFormat(TokenizerFormat):
    """The family's data say everything."""

    data = POCKET
