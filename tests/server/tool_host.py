"""A server with the scripted engine in a process of its own: its argument is its configuration as JSON."""

from __future__ import annotations

import sys

from flyball.core.chat_format import ChatFormat
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.server.engines.scripted import ScriptedEngine
from flyball.server.run import run
from tests.server.scripted_model import PocketScript
from tests.server.serving import pocket_format


def engine(config: Config, format: ChatFormat) -> ScriptedEngine:
    """Answers as `scripted_model` says."""
    return ScriptedEngine(PocketScript(format), eos_ids=format.eos_ids)


config = Config.model_validate_json(sys.argv[1])
sys.exit(not run(build_app(config, engine=engine, format=pocket_format()), config, log_level="warning"))
