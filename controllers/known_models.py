"""Auxiliary models that a request names are there, or the request is refused."""

from __future__ import annotations

from ..core.errors import RequestError
from .controller import Setting
from .side import SELF


def check_model(name: str, param: str, setting: Setting) -> None:
    """Errors: RequestError naming the parameter, and the models that there are."""
    if name != SELF and name not in setting.models:
        known = ", ".join(sorted(setting.models | {SELF}))
        raise RequestError(f"there is no auxiliary model {name!r}; known: {known}", param)
