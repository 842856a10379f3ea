"""`flyball serve`."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from typing import Any

import click

TIERS = ("auto", "e2b", "A", "A'", "B", "monty")


@click.command()
@click.option(
    "--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="A TOML file; options win over it."
)
@click.option("--model", help='A directory, a hub name, or "pocket" (the packaged model, the default).')
@click.option("--name", help="The name that clients use for the model.")
@click.option("--engine", type=click.Choice(["vllm", "openai"]), help="vllm in this process, or a remote server.")
@click.option("--upstream", multiple=True, metavar="URL", help="A server of the openai engine; several for failover.")
@click.option("--upstream-model", help="What the upstream servers call the model.")
@click.option("--tokenizer", help="Where the tokenizer is, when not with the model.")
@click.option("--format", "chat_format", help="The chat format; found out from the tokenizer by default.")
@click.option("--lora", multiple=True, metavar="NAME=PATH", help="A LoRA adapter, served under its own name.")
@click.option("--engine-args", default="{}", metavar="JSON", help="vLLM's own engine arguments.")
@click.option("--tensor-parallel-size", type=int, help="GPUs that share one copy of the model.")
@click.option("--max-model-len", type=int, help="The context length.")
@click.option("--quantization", help="vLLM's quantisation method.")
@click.option("--host", help="Where to listen; 127.0.0.1 by default.")
@click.option("--port", type=int, help="8000 by default.")
@click.option("--tools", multiple=True, metavar="FILE", help="A Python file with tools that this server runs.")
@click.option(
    "--sandbox", type=click.Choice([*TIERS, "off"]), help="For the tool python; by default the best that holds."
)
@click.option("--search", metavar="PATH", help="A folder or file for the tool search; by default the pocket corpus.")
@click.option("--fetch", is_flag=True, help="Offer the tool fetch, which reads pages of the public web.")
@click.option("--mcp", multiple=True, metavar="NAME=COMMAND|URL", help="An MCP server: a program, or an address.")
@click.option("--aux", multiple=True, metavar="NAME=PATH|URL", help="An auxiliary model: weights, or a server's /v1.")
@click.option("--traces", metavar="URL", help="Store every trajectory, e.g. in sqlite:///traces.sqlite.")
@click.option("--log-level", default="info", type=click.Choice(["debug", "info", "warning", "error"]))
def serve(config_path: str | None, log_level: str, **options: Any) -> None:
    """Serve a model behind an OpenAI-compatible endpoint.

    API keys for clients come from the configuration or, comma separated, from FLYBALL_API_KEYS.
    """
    from flyball.server.app import build_app
    from flyball.server.config import load_config
    from flyball.server.run import run

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = load_config(config_path, overrides(options))
    url = f"http://{config.server.host}:{config.server.port}/v1"
    click.secho(f"Loading {config.model.served_name}; it will be served at {url}", fg="green", err=True)
    if not config.server.api_keys and config.server.host not in ("127.0.0.1", "localhost", "::1"):
        click.secho("No API keys are set: everybody who reaches this machine is served.", fg="yellow", err=True)
    if not run(build_app(config), config, log_level=log_level):
        sys.exit(1)


def overrides(options: dict[str, Any]) -> dict[str, Any]:
    """What the options say, nested as the configuration is. Errors: click.BadParameter."""
    engine_args = _json(options["engine_args"])
    for name in ("tensor_parallel_size", "max_model_len", "quantization"):
        if options[name] is not None:
            engine_args[name] = options[name]
    remote = {"urls": list(options["upstream"]), "model": options["upstream_model"]} if options["upstream"] else None
    sections = {
        "server": {"host": options["host"], "port": options["port"]},
        "model": {
            "path": options["model"],
            "name": options["name"],
            "tokenizer": options["tokenizer"],
            "format": options["chat_format"],
            "adapters": dict(_pair(item) for item in options["lora"]) or None,
        },
        "engine": {"kind": options["engine"], "args": engine_args or None, "remote": remote},
        "tools": _tools(options),
        "traces": {"url": options["traces"]},
    }
    said: dict[str, Any] = {
        name: {key: value for key, value in section.items() if value is not None} for name, section in sections.items()
    }
    if options["aux"]:
        said["models"] = [_auxiliary(item) for item in options["aux"]]
    return {name: section for name, section in said.items() if section}


def _auxiliary(item: str) -> dict[str, Any]:
    """Example: "verifier=pocket-verifier" and "judge=http://gpu1:8000/v1"."""
    name, target = _pair(item)
    return {"name": name, "url" if target.startswith(("http://", "https://")) else "path": target}


def _tools(options: dict[str, Any]) -> dict[str, Any]:
    sandbox = options["sandbox"]
    python = {"enabled": False} if sandbox == "off" else {"tier": sandbox}
    mcp = [_mcp_server(item) for item in options["mcp"]]
    servers = {
        "stdio": [server for server in mcp if "command" in server] or None,
        "http": [server for server in mcp if "url" in server] or None,
    }
    return {
        "files": list(options["tools"]) or None,
        "python": None if sandbox is None else python,
        "search": None if options["search"] is None else {"path": options["search"]},
        "fetch": {} if options["fetch"] else None,
        "mcp": {kind: given for kind, given in servers.items() if given is not None} or None,
    }


def _mcp_server(item: str) -> dict[str, Any]:
    """Example: "time=mcp-server-time --local-timezone UTC" and "wiki=https://wiki.example/mcp"."""
    name, equals, target = item.partition("=")
    try:
        words = shlex.split(target)
    except ValueError:  # a quotation mark without its end
        words = []
    if not (name and equals and words):
        raise click.BadParameter(f"{item!r} is neither NAME=COMMAND nor NAME=URL", param_hint="--mcp")
    if target.startswith(("http://", "https://")):
        return {"name": name, "url": target}
    return {"name": name, "command": words[0], "args": words[1:]}


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--engine-args") from None
    if not isinstance(value, dict):
        raise click.BadParameter("a JSON object is wanted", param_hint="--engine-args")
    return value


def _pair(item: str) -> tuple[str, str]:
    name, equals, path = item.partition("=")
    if not (name and equals and path):
        raise click.BadParameter(f"{item!r} is not NAME=PATH", param_hint="--lora")
    return name, path
