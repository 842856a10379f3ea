"""Names of tools as models and OpenAI's protocol take them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 64
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def offered_names(server: str, tools: Iterable[str]) -> dict[str, str]:
    """Per tool of a server the name that a model calls it by: letters, digits, _ and -, at most 64.

    Names that come to the same are told apart by a piece of their hash, and so are those that are cut.

    Example: offered_names("time", ["get now", "get.now"]) is {"get now": "time__get_now", "get.now":
    "time__get_now_1a2b3c4d"} (with other digits).
    """
    names: dict[str, str] = {}
    for tool in tools:
        name = f"{server}__{_OTHER.sub('_', tool)}"
        if len(name) > _LONGEST or name in names.values():
            digest = hashlib.sha256(tool.encode(errors="replace")).hexdigest()[:8]
            name = f"{name[: _LONGEST - 9]}_{digest}"
        names[tool] = name
    return names
