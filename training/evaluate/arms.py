"""Arms: what is compared. The first one is the baseline."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...core.errors import ConfigError

_RESERVED = ("messages", "flyball", "stream", "stream_options", "n")


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way of asking. Example: {"name": "trimr", "flyball": {"controllers": [{"name": "trimr"}]}}."""

    name: str
    flyball: dict[str, Any] | None = None
    """The request's `flyball` block; None sends none."""
    sampling: dict[str, Any] = {}
    """Fields of the chat request that this arm overrides: temperature, max_tokens, seed, also model."""
    keeps: list[str] = []
    """Controllers that its baselines have, too: part of the task, not of what is tried out."""

    def same_request(self, other: Arm) -> bool:
        """Whether the other one asks the same under another name."""
        return (self.flyball, self.sampling) == (other.flyball, other.sampling)


class _ArmsFile(msgspec.Struct, forbid_unknown_fields=True):
    arms: list[Arm]


def load_arms(path: Path) -> list[Arm]:
    """The arms of a file: TOML with `[[arms]]` tables, or JSON {"arms": [...]}. Errors: ConfigError."""
    try:
        if path.suffix == ".json":
            return msgspec.json.decode(path.read_bytes(), type=_ArmsFile).arms
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _ArmsFile).arms
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{path.name}: {error}") from error


def parse_arm(text: str) -> Arm:
    """An arm from the command line: NAME, or NAME=JSON with its `flyball` block. Errors: ConfigError.

    Example: parse_arm('trimr={"controllers": [{"name": "trimr"}]}')
    """
    name, separator, block = text.partition("=")
    return Arm(name=name, flyball=parse_object(block, f"arm {name!r}") if separator else None)


def parse_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object given on the command line as `what`. Errors: ConfigError."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ConfigError(f"{what}: not a JSON object: {error}") from error


def check_arms(arms: Sequence[Arm]) -> None:
    """Errors: ConfigError without arms, for a name given twice, or for an override of what the harness sets itself."""
    if not arms:
        raise ConfigError("there are no arms; give --arms FILE or --arm NAME")
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names) or "" in names:
        raise ConfigError(f"arms need different names, not {', '.join(map(repr, names))}")
    for arm in arms:
        check_sampling(arm.sampling, f"arm {arm.name!r}")


def check_sampling(sampling: dict[str, Any], what: str) -> None:
    """Errors: ConfigError for a field that the harness sets itself, or a seed that is no whole number."""
    if reserved := [name for name in _RESERVED if name in sampling]:
        raise ConfigError(f"{what}: {', '.join(reserved)} cannot be set as sampling")
    if type(sampling.get("seed", 0)) is not int:
        raise ConfigError(f"{what}: the seed must be a whole number")
