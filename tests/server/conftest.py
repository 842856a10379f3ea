"""Servers for the tests of the HTTP surface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .serving import Served, serving


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """A server that tests share: they leave nothing behind in it."""
    with serving() as served:
        yield served
