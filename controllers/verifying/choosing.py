"""Which verifier a request gets by its name."""

from __future__ import annotations

from collections.abc import Collection

from ...core.errors import RequestError
from .model import ModelVerifier
from .prompts import Prompts
from .stated import StatedVerifier
from .verifier import Verifier

AUTO, STATED, CONFIGURED = "auto", "stated", "verifier"


def choose_verifier(name: str, models: Collection[str], prompts: Prompts) -> Verifier:
    """ "auto": the model that is called "verifier" where there is one, else "stated", which asks no model.

    Any other name is an auxiliary model's. Errors: RequestError for one that is not there.
    """
    if name == AUTO:
        name = CONFIGURED if CONFIGURED in models else STATED
    if name == STATED:
        return StatedVerifier()
    if name not in models:
        known = ", ".join([AUTO, STATED, *sorted(models)])
        raise RequestError(f"there is no auxiliary model {name!r} to verify; known: {known}", "verifier")
    return ModelVerifier(name, prompts)
