"""`flyball chat`: a conversation in the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

STYLES = {
    ("think", "sampled"): "dim",
    ("think", "injected"): "bold yellow",
    ("answer", "sampled"): "default",
    ("answer", "injected"): "bold yellow",
    ("call", "sampled"): "cyan",
    ("call", "injected"): "bold yellow",
    ("result", "environment"): "green",
}
"""Channel and origin -> how it looks; what was dropped is struck through in red."""


@click.command()
@click.option("--url", default="http://127.0.0.1:8000/v1", show_default=True, help="The server.")
@click.option("--model", help="The first that the server lists, by default.")
@click.option("--api-key-env", default="FLYBALL_API_KEY", show_default=True, help="The variable that holds the key.")
@click.option("--controllers", default="[]", metavar="JSON", help='E.g. \'[{"name": "hint_infer", "rounds": 1}]\'.')
@click.option("--temperature", type=float)
@click.option("--max-tokens", type=int)
@click.option("--system", help="Instructions for the model.")
@click.argument("question", required=False)
def chat(
    url: str,
    model: str | None,
    api_key_env: str,
    controllers: str,
    temperature: float | None,
    max_tokens: int | None,
    system: str | None,
    question: str | None,
) -> None:
    """Talk with a served model: thinking is dim, hints are yellow, what was dropped is struck through.

    With QUESTION one answer; without, a conversation until an empty line or Ctrl-D.
    """
    import httpx
    from rich.console import Console

    console = Console(highlight=False)
    key = os.environ.get(api_key_env)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    body: dict[str, Any] = {"stream": True, "flyball": {"parts": True, "controllers": _json(controllers)}}
    body |= {"temperature": temperature} if temperature is not None else {}
    body |= {"max_tokens": max_tokens} if max_tokens is not None else {}
    messages: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    with httpx.Client(base_url=url, headers=headers, timeout=None) as client:
        try:
            body["model"] = model or client.get("models").raise_for_status().json()["data"][0]["id"]
            for text in [question] if question else _lines(console):
                messages.append({"role": "user", "content": text})
                answer = _answer(client, body | {"messages": messages}, console)
                messages.append({"role": "assistant", "content": answer})
        except httpx.HTTPError as error:
            console.print(f"[red]{url}: {error}[/]")
            sys.exit(1)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--controllers") from None


def _lines(console: Any) -> Iterator[str]:
    while True:
        try:
            line = console.input("[bold blue]you >[/] ")
        except (EOFError, KeyboardInterrupt):
            return
        if not line.strip():
            return
        yield line


def _answer(client: Any, body: dict[str, Any], console: Any) -> str:
    """Print one answer while it comes; its text."""
    content = ""
    with client.stream("POST", "chat/completions", json=body) as response:
        if response.status_code != 200:
            response.read()
            console.print(f"[red]{response.json()['error']['message']}[/]")
            return content
        for chunk in _chunks(response.iter_lines()):
            if "error" in chunk:
                console.print(f"\n[red]{chunk['error']['message']}[/]")
                return content
            report = chunk.get("flyball", {})
            for part in report.get("parts", []):
                _show(part, console)
            for choice in chunk["choices"]:
                content += choice["delta"].get("content") or ""
            if "tokens" in report:
                _summary(report, console)
    return content


def _chunks(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


def _show(part: dict[str, Any], console: Any) -> None:
    style = "strike red" if part["dropped"] else STYLES.get((part["channel"], part["origin"]), "default")
    console.print(part["text"], style=style, end="", markup=False)


def _summary(report: dict[str, Any], console: Any) -> None:
    tokens = ", ".join(f"{count} {kind}" for kind, count in report["tokens"].items() if count)
    acted = ", ".join(f"{item['controller']} at {item['position']}" for item in report["acted"])
    console.print(f"\n[dim italic]tokens: {tokens or 'none'}{'; acted: ' + acted if acted else ''}[/]")
