"""A controller by the name that a request gave it, and whose error it is when a method's code fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..core.errors import ControllerError, FlyballError
from .controller import Controller


class Named(NamedTuple):
    """A controller and the name by which the request called it."""

    name: str
    controller: Controller[Any]


@contextmanager
def attributed(name: str) -> Iterator[None]:
    """The boundary between us and a method's code: whatever escapes is the error of what is named."""
    try:
        yield
    except FlyballError:
        raise
    except Exception as error:
        raise ControllerError(f"{name} failed: {type(error).__name__}: {error}") from error
