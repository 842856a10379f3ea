"""Servers for real clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .live import Live, on_vllm, scripted


@pytest.fixture(scope="session", params=[pytest.param("vllm", marks=pytest.mark.vllm), "scripted"])
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The real server, and once its tests are over the scripted one: so nothing idle stays beside all later tests."""
    with scripted() if request.param == "scripted" else on_vllm(tmp_path_factory.mktemp("serve")) as live:
        yield live


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[Live]:
    """For what only a server whose answers are known can show."""
    with scripted() as live:
        yield live
