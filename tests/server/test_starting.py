"""A server that does not start says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flyball.core.chat_format import ChatFormat
from flyball.server.app import EngineFactory, build_app
from flyball.server.config import Config
from flyball.server.engines.scripted import ScriptedEngine
from flyball.server.run import run

from .serving import pocket_format


class BrokenEngine(ScriptedEngine):
    """Has a defect that nobody foresaw."""

    async def start(self) -> None:
        raise ZeroDivisionError("a defect")


def works(config: Config, format: ChatFormat) -> ScriptedEngine:
    return ScriptedEngine(lambda _: [], eos_ids=format.eos_ids)


def is_broken(config: Config, format: ChatFormat) -> ScriptedEngine:
    return BrokenEngine(lambda _: [], eos_ids=format.eos_ids)


def started(engine: EngineFactory, **sections: Any) -> bool:
    """Whether `flyball serve` would go on."""
    tools, server = {"python": {"enabled": False}}, {"port": 0}
    config = Config.model_validate({"tools": tools, "server": server, **sections})
    app = build_app(config, engine=engine, format=pocket_format())
    with ThreadPoolExecutor(1) as thread:  # signals are the main thread's
        try:
            return thread.submit(run, app, config).result()
        except SystemExit:  # some versions of uvicorn end by themselves
            return False


def test_what_is_wrong_with_the_configuration_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert not started(works, presets={"broken": {"controllers": [{"name": "no_such"}]}})

    said = capsys.readouterr().err
    assert "presets.broken: unknown controller 'no_such'" in said
    assert "Traceback" not in said


def test_of_a_defect_the_place_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert not started(is_broken)

    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "ZeroDivisionError: a defect" in said
