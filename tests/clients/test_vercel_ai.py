"""Vercel's AI SDK for JavaScript, with its provider for OpenAI-compatible servers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..server.scripted_model import AFTER_RESULT, ANSWER, THINKING
from .live import KEY, QUESTION, Live

HERE = Path(__file__).parent / "js"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "js"
FILES = ("package.json", "package-lock.json", "client.mjs")


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the client and what it needs, installed once for one lock file."""
    if shutil.which("npm") is None:
        assert "CI" not in os.environ, "node and npm are needed"
        pytest.skip("node and npm are not installed")
    folder = CACHE / hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=110)
    return folder


@pytest.fixture(scope="module")
def seen(installed: Path, live_server: Live) -> dict[str, Any]:
    """What the client saw."""
    command = ["node", "client.mjs", live_server.base_url, KEY, QUESTION]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_text_has_thinking_and_usage(seen: dict[str, Any], live_server: Live) -> None:
    plain = seen["plain"]

    assert plain["text"]
    assert plain["finishReason"] == "stop"
    assert plain["usage"]["inputTokens"] > 0
    assert plain["usage"]["outputTokens"] > 0
    assert plain["usage"]["outputTokenDetails"]["reasoningTokens"] > 0
    if live_server.served is not None:
        assert plain["text"] == ANSWER
        assert plain["reasoning"].strip() == THINKING


def test_a_stream_has_reasoning_parts_before_text_parts_and_adds_up(seen: dict[str, Any]) -> None:
    streamed = seen["streamed"]

    assert streamed["text"] == seen["plain"]["text"]
    assert streamed["reasoning"].strip() == seen["plain"]["reasoning"].strip()
    assert streamed["kinds"].index("reasoning-delta") < streamed["kinds"].index("text-delta")
    assert "error" not in streamed["kinds"]
    assert streamed["usage"]["outputTokens"] == seen["plain"]["usage"]["outputTokens"]


def test_a_tool_is_called_and_its_result_goes_back(seen: dict[str, Any], live_server: Live) -> None:
    called = seen["called"]

    first, second = called["steps"]
    assert (first["finishReason"], first["calls"]) == ("tool-calls", 1)
    assert len(called["asked"]) == 1
    assert second["finishReason"] in ("stop", "tool-calls")  # a model may call again
    if live_server.served is not None:
        assert second["calls"] == 0
        assert called["asked"] == ["Paris"]
        assert called["text"] == AFTER_RESULT


def test_a_refused_request_is_an_error_with_its_status(seen: dict[str, Any]) -> None:
    assert seen["refused"]["status"] == 400
    assert "temperature" in seen["refused"]["message"]
