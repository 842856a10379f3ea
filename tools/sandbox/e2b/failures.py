"""The failures of the service, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from e2b import AuthenticationException, SandboxException
from e2b.exceptions import ServiceBusyException

from ....core.errors import SandboxError

FAILURES = (SandboxException, AuthenticationException, ServiceBusyException, httpx.HTTPError)
"""All that the client raises; three of them have no common root."""


@contextmanager
def as_sandbox_error(doing: str) -> Iterator[None]:
    """What is done inside fails with a SandboxError that says what was being done."""
    try:
        yield
    except FAILURES as error:
        raise SandboxError(f"{doing} failed: {error or type(error).__name__}") from error
