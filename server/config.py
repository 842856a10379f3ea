"""The server's configuration: a TOML file, overridden by command line options. Imports neither vllm nor torch."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator

from ..core.errors import ConfigError
from ..data import REASONER, VERIFIER
from .auxiliary.sections import AuxiliarySection
from .engines.remote.config import RemoteConfig
from .sections import PriceSection, Section
from .tool_sections import ToolsSection
from .traces.config import TracesSection
from .wire.flyball_block import FlyballBlock
from .wire.requests import Effort

POCKET = "pocket"
PACKAGED = {POCKET: REASONER, "pocket-verifier": VERIFIER}
"""The names of the models that ship with the package."""


class ModelSection(Section):
    """What is served."""

    path: str = POCKET
    """A directory, a hub name, or a packaged model: "pocket" or "pocket-verifier"."""
    name: str | None = None
    """The name that clients use; by default the last part of the path."""
    format: str = "auto"
    """The chat format; auto finds it out from the tokenizer."""
    tokenizer: str | None = None
    """Where the tokenizer is, when not with the model."""
    adapters: dict[str, str] = Field(default_factory=dict)
    """LoRA adapters: the name that clients use, and its path."""
    answer_room: int = Field(default=256, ge=0)
    """Tokens of the context that thinking leaves for the answer; at most a quarter of the context is used for it."""
    effort: dict[Effort, str] = Field(default_factory=dict)
    """The preset that a `reasoning_effort` stands for; of others docs/parameters.md says what they mean."""
    price: PriceSection = PriceSection()

    @property
    def served_name(self) -> str:
        return self.name or Path(self.path).name

    @property
    def resolved_path(self) -> str:
        """Where the weights are."""
        return str(PACKAGED.get(self.path, self.path))


class EngineSection(Section):
    """Which engine decodes, and what it is told."""

    kind: Literal["vllm", "openai"] = "vllm"
    args: dict[str, Any] = Field(default_factory=dict)
    """vLLM's own engine arguments, passed through."""
    remote: RemoteConfig | None = None
    """The servers of the `openai` engine."""

    @model_validator(mode="after")
    def _remote_when_openai(self) -> EngineSection:
        if self.kind == "openai" and self.remote is None:
            raise ValueError("the openai engine needs engine.remote.urls (or --upstream)")
        return self


class ServerSection(Section):
    """The HTTP front."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_keys: tuple[SecretStr, ...] = ()
    """Keys that clients may use; without any, every client is served. Better: the variable FLYBALL_API_KEYS."""
    open_metrics: bool = True
    """Serve /metrics without a key."""
    max_running: int = Field(default=256, ge=1)
    """Trajectories that run at once."""
    max_queue: int = Field(default=512, ge=0)
    """Requests that wait beyond that; the next one is refused with 429."""
    max_fan_out: int = Field(default=64, ge=1)
    """Trajectories that one request may start, by n or by a strategy."""
    max_body_bytes: int = Field(default=4 * 2**20, ge=1024)
    keep_alive_seconds: float = Field(default=10.0, gt=0)
    """A stream that has nothing to send says so this often."""
    drain_seconds: int = Field(default=30, ge=0)
    """How long running requests may go on after SIGTERM."""
    max_edits: int = Field(default=64, ge=1)
    """Edits per trajectory."""
    reasoning_fields: tuple[Literal["reasoning", "reasoning_content"], ...] = ("reasoning", "reasoning_content")
    """Where thinking is sent; clients differ in which they read."""


class Config(Section):
    """Everything."""

    server: ServerSection = ServerSection()
    model: ModelSection = ModelSection()
    engine: EngineSection = EngineSection()
    models: tuple[AuxiliarySection, ...] = ()
    """Auxiliary models, which controllers and strategies may ask by name."""
    tools: ToolsSection = ToolsSection()
    traces: TracesSection = TracesSection()
    presets: dict[str, FlyballBlock] = Field(default_factory=dict)
    """Named `flyball` blocks, chosen as MODEL:PRESET."""

    @model_validator(mode="after")
    def _effort_is_there(self) -> Config:
        for level, name in self.model.effort.items():
            if name not in self.presets:
                raise ValueError(f"model.effort.{level}: there is no preset {name!r}")
        return self


def load_config(path: str | Path | None, overrides: dict[str, Any] | None = None) -> Config:
    """The configuration in a TOML file, with `overrides` (of the same nesting) over it.

    Keys of clients come from FLYBALL_API_KEYS (comma separated) when the file has none. Errors: ConfigError that says
    where.
    """
    data: dict[str, Any] = {}
    if path is not None:
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
    data = _merged(data, overrides or {})
    keys = [key.strip() for key in os.environ.get("FLYBALL_API_KEYS", "").split(",") if key.strip()]
    if keys and not data.get("server", {}).get("api_keys"):
        data = _merged(data, {"server": {"api_keys": keys}})
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigError(f"{path or 'options'}: " + "; ".join(lines)) from None


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
