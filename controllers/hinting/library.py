"""The hints: those of the package by domain, or a request's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ...core.errors import RequestError


class Hint(NamedTuple):
    """One wording, and its name for the log."""

    name: str
    text: str
    tool: str | None = None
    """The tool that it names."""
    code: str = ""
    """How the code begins, where the hint opens it."""
    own: bool = False
    """Of the request: given as it is, whatever tools there are."""


@cache
def hint_library() -> Mapping[str, tuple[Hint, ...]]:
    """The hints of each domain, read from hints.toml; a hint of domain "any" belongs to every one."""
    raw = tomllib.loads(files(__package__).joinpath("hints.toml").read_text(encoding="utf-8"))
    domains = {
        domain: tuple(Hint(f"{domain}.{name}", **fields) for name, fields in hints.items())
        for domain, hints in raw.items()
    }
    everywhere = domains.get("any", ())
    return {domain: hints if domain == "any" else hints + everywhere for domain, hints in domains.items()}


def library_hints(domain: str) -> tuple[Hint, ...]:
    """The hints of a domain. Errors: RequestError when there are none, naming the domains."""
    library = hint_library()
    if domain not in library:
        raise RequestError(
            f"no hints for the domain {domain!r}; there are some for {', '.join(sorted(library))}", "domain"
        )
    return library[domain]


def own_hints(texts: Sequence[str], tools: Iterable[str]) -> tuple[Hint, ...]:
    """A request's own hints; each names the tool whose name is in it, or Python when it opens code."""
    names = sorted(tools)
    return tuple(Hint(f"request.{number}", text, _named(text, names), own=True) for number, text in enumerate(texts))


def _named(text: str, names: Sequence[str]) -> str | None:
    if "```" in text:
        return "python"
    return next((name for name in names if re.search(rf"(?i)\b{re.escape(name)}\b", text)), None)
