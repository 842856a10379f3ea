"""Servers for the tests of the HTTP surface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .live import Server
from .serving import Served, serving


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """A server that tests share: they leave nothing behind in it."""
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`flyball serve` on real vLLM with the module's `CONFIG`; in it `{folder}` stands for a folder of the server's own."""
    running = Server(tmp_path_factory.mktemp("served"), request.module.CONFIG)
    yield running
    running.close()
