"""The arms: which servers there are, how each is started, and how a request to each looks."""

import json
import os
import random
import secrets
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyball.server.engines.vllm_cpu import cpu_defaults, set_cpu_environment

from .settings import SERVED_NAME, Settings

_HOST = "127.0.0.1"
_IGNORE_EOS: Mapping[str, Any] = {"ignore_eos": True}
_VLLM_SERVER = "vllm.entrypoints.launchers.api_server.entry"  # the `vllm` command does not run under the CPU wheel


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server to start."""

    name: str
    command: Sequence[str]
    port: int
    health: str = "/health"
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Over the environment of this process; None removes a variable."""
    upstream: str | None = None
    """The server in front of which this one stands."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One column of the comparison: a server and what its requests carry."""

    name: str
    title: str
    server: str
    extra: Mapping[str, Any] = field(default_factory=lambda: dict(_IGNORE_EOS))
    """Added to every body."""
    key: str = "benchmark"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a run starts and asks."""

    servers: Mapping[str, ServerSpec]
    arms: Mapping[str, Arm]

    def only(self, names: Sequence[str]) -> "Bench":
        """The named arms and the servers they need."""
        arms = {name: self.arms[name] for name in names}
        needed = {arm.server for arm in arms.values()}
        needed |= {up for name in needed if (up := self.servers[name].upstream) is not None}
        return Bench({name: spec for name, spec in self.servers.items() if name in needed}, arms)


ARM_NAMES = ("vllm", "flyball", "flyball-2", "flyball-openai", "optillm", "litellm", "vllm-stock")
"""Every arm, in the order of the report. The first is what the others are compared with."""


def make_bench(settings: Settings, cache: Path, scratch: Path) -> Bench:
    """Every arm. `cache` holds the proxies' virtual environments, `scratch` the files of this run."""
    engine = engine_args(settings)
    vllm = _vllm("vllm", settings, _flags(engine), {})
    stock_env = dict.fromkeys(_CPU_VARIABLES - {"VLLM_CPU_KVCACHE_SPACE"})
    stock = _vllm("vllm-stock", settings, _flags(settings.engine_args), stock_env)
    upstream = f"http://{_HOST}:{vllm.port}/v1"
    key = f"sk-{secrets.token_hex(16)}"  # LiteLLM refuses a weak one
    servers = (
        vllm,
        stock,
        _flyball("flyball", settings, "--engine", "vllm", "--engine-args", json.dumps(engine)),
        _flyball_openai(settings, upstream),
        _optillm(cache / "optillm", upstream),
        _litellm(cache / "litellm", upstream, scratch, key),
    )
    arms = (
        Arm("vllm", "vLLM's own server", "vllm"),
        Arm("flyball", "Flyball, engine in process", "flyball"),
        Arm("flyball-2", "Flyball, two controllers watching", "flyball", _with_controllers(settings)),
        Arm("flyball-openai", "Flyball in front of vLLM's server", "flyball-openai"),
        Arm("optillm", "optillm (none) in front of vLLM's server", "optillm", {"extra_body": dict(_IGNORE_EOS)}),
        Arm("litellm", "LiteLLM's proxy in front of vLLM's server", "litellm", key=key),
        Arm("vllm-stock", "vLLM's own server, its own CPU defaults", "vllm-stock"),
    )
    return Bench({server.name: server for server in servers}, {arm.name: arm for arm in arms})


_CPU_VARIABLES = frozenset({"VLLM_ENABLE_V1_MULTIPROCESSING", "OMP_NUM_THREADS", "VLLM_CPU_KVCACHE_SPACE"})


def engine_args(settings: Settings) -> dict[str, Any]:
    """The engine arguments that vLLM's own server and Flyball both get.

    On a CPU these are the ones (and the environment variables, which every server inherits) that Flyball chooses by
    itself: the comparison is then of the two fronts, not of two configurations of one engine.
    """
    common: dict[str, Any] = {"scheduling_policy": "priority", **settings.engine_args}
    if shutil.which("nvidia-smi"):
        return common
    set_cpu_environment()
    return cpu_defaults(str(settings.model), settings.engine_args) | common


def _flags(args: Mapping[str, Any]) -> list[str]:
    """Engine arguments as vLLM's command line options."""
    flags: list[str] = []
    for name, value in args.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{option}" if value else f"--no-{option}")
        else:
            flags += [f"--{option}", str(value)]
    return flags


def _vllm(name: str, settings: Settings, flags: Sequence[str], env: Mapping[str, str | None]) -> ServerSpec:
    port = _free_port()
    where = ("--host", _HOST, "--port", str(port), "--uvicorn-log-level", "warning")
    command = (sys.executable, "-m", _VLLM_SERVER, "--model", str(settings.model))
    return ServerSpec(name, (*command, "--served-model-name", SERVED_NAME, *where, *flags), port, env=_quiet(env))


def _flyball(name: str, settings: Settings, *options: str, upstream: str | None = None) -> ServerSpec:
    port = _free_port()
    command = (str(Path(sys.executable).with_name("flyball")), "serve", "--model", str(settings.model))
    where = ("--name", SERVED_NAME, "--host", _HOST, "--port", str(port), "--log-level", "warning")
    return ServerSpec(name, (*command, *where, *options), port, env=_quiet({}), upstream=upstream)


def _flyball_openai(settings: Settings, upstream: str) -> ServerSpec:
    options = ("--engine", "openai", "--upstream", upstream, "--upstream-model", SERVED_NAME)
    return _flyball("flyball-openai", settings, *options, upstream="vllm")


def _with_controllers(settings: Settings) -> dict[str, Any]:
    return {**_IGNORE_EOS, "flyball": {"controllers": [dict(block) for block in settings.controllers]}}


def _optillm(venv: Path, upstream: str) -> ServerSpec:
    """optillm hands unknown fields to the OpenAI client, which knows `extra_body` but not `ignore_eos`."""
    port = _free_port()
    options = ("--approach", "none", "--base-url", upstream, "--port", str(port), "--log", "error")
    env = {"OPENAI_API_KEY": "none"}
    return ServerSpec("optillm", (str(venv / "bin" / "optillm"), *options), port, env=env, upstream="vllm")


def _litellm(venv: Path, upstream: str, scratch: Path, key: str) -> ServerSpec:
    port = _free_port()
    config = scratch / "litellm.json"  # JSON is YAML
    model = {"model": f"hosted_vllm/{SERVED_NAME}", "api_base": upstream, "api_key": "none"}
    entry = {"model_name": SERVED_NAME, "litellm_params": model}
    config.write_text(json.dumps({"model_list": [entry], "litellm_settings": {"telemetry": False}}), encoding="utf-8")
    options = ("--config", str(config), "--host", _HOST, "--port", str(port), "--num_workers", "1")
    env = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    command = (str(venv / "bin" / "litellm"), *options)
    return ServerSpec("litellm", command, port, "/health/liveliness", env, upstream="vllm")


def _quiet(env: Mapping[str, str | None]) -> dict[str, str | None]:
    quiet = {"VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    return {name: os.environ.get(name, value) for name, value in quiet.items()} | dict(env)


def _free_port() -> int:
    """A port below those that the system gives to outgoing connections, so that none takes it before the server does."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((_HOST, port))
            return port
