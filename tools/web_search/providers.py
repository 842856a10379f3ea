"""Search engines that are known by name: what is sent, and where in the answer the results stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PROVIDERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "serper": {
            "url": "https://google.serper.dev/search",
            "headers": {"X-API-KEY": "{key}"},
            "body": {"q": "{query}", "num": "{k}"},
            "results": "organic[].{title: title, url: link, text: snippet}",
        },
        "searxng": {
            "url": "http://127.0.0.1:8888/search?q={query}&format=json",
            "results": "results[].{title: title, url: url, text: content}",
        },
    }
)
"""A configuration that names one may replace any part of it."""
