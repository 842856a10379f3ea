"""The secrets of a configuration: what must never be stored, wherever it turns up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, SecretStr
from sqlalchemy.exc import ArgumentError

from .config import Config

_ALWAYS = ("E2B_API_KEY", "FLYBALL_API_KEYS")
"""Variables that hold keys without being named in the configuration."""


_SECRET_NAME = re.compile(r"(?i)(^|[_-])(key|token|secret|password|authorization)s?$")


def secrets_of(config: Config) -> frozenset[str]:
    """Every secret value in it, the values of the variables that hold one, and the trace store's password.

    Of "Bearer KEY" also the KEY alone.
    """
    found = {value for name in _ALWAYS for value in os.environ.get(name, "").split(",")}
    found.update(_in(config))
    if config.traces.url is not None:
        found.add(_password(config.traces.url))
    words = {value.strip() for value in found} | {value.rpartition(" ")[2] for value in found}
    return frozenset(words - {""})


def _in(value: Any, name: str = "") -> Iterator[str]:
    """The secrets in a part of the configuration that stands under `name`."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        if name.endswith("_env") or (name == "env_from" and _SECRET_NAME.search(value)):
            yield os.environ.get(value, "")
        elif _SECRET_NAME.search(name):
            yield value
    elif isinstance(value, Mapping) and name == "env":  # most variables of a program are no secrets
        yield from (each.get_secret_value() for inner, each in value.items() if _SECRET_NAME.search(inner))
    else:
        for inner, each in _items(value):
            yield from _in(each, name if name.endswith(("_env", "env_from")) else inner)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        return [(str(name), each) for name, each in value.items()]
    return [("", each) for each in value] if isinstance(value, list | tuple) else []


def _password(url: str) -> str:
    try:
        return sa.make_url(url).password or ""
    except ArgumentError:
        return ""
