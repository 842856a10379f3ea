"""An MCP server over stdio that does what it is told, also what servers should not do. Standard library only.

Arguments: "silent" never answers; "endless" lists pages without end; "dies" ends when it is asked for its
tools; "stays" goes on when its input has ended.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

NAMES = ["echo", "hang", "die", "child", "nonsense", "error", "blocks", "grow", "say"]
TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": name * 3, "inputSchema": {"type": "object", "properties": {}}} for name in NAMES
]
TOOLS += [
    {"name": "none", "inputSchema": {"type": "object", "properties": {"a": {"type": "nonsense"}}}},
    {"name": "large", "inputSchema": {"type": "object", "description": "x" * 70_000}},
]
TOOLS[0]["annotations"] = {"readOnlyHint": True}
BLOCKS = [
    {"type": "text", "text": "first"},
    {"type": "image", "data": "AAEC", "mimeType": "image/png"},
    {"type": "image", "data": "no base64!", "mimeType": "image/png"},
    {"type": "image", "data": "AAAA" * 1_500_000, "mimeType": "image/png"},
    {"type": "audio", "data": "AAEC", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "file:///a.txt", "text": "of a file"}},
    {"type": "resource", "resource": {"uri": "file:///a.bin", "blob": "AAEC"}},
    {"type": "resource_link", "uri": "file:///b.txt", "name": "b"},
]


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}], **more}


def page(cursor: str | None) -> dict[str, Any]:
    """One tool a page."""
    position = int(cursor or 0)
    if "dies" in sys.argv:
        os._exit(3)
    more = {"nextCursor": str(position + 1)} if position + 1 < len(TOOLS) or "endless" in sys.argv else {}
    return {"tools": [TOOLS[position % len(TOOLS)]], **more}


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    match name:
        case "echo":
            return text(json.dumps(arguments), isError=arguments.get("wrong", False))
        case "hang":
            print("hanging", file=sys.stderr, flush=True)
            return None
        case "die":
            os._exit(3)
        case "child":
            return text(str(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid))
        case "nonsense":
            return {"content": "nonsense"}
        case "blocks":
            return {"content": BLOCKS}
        case "say":
            print(arguments["line"], file=sys.stderr, flush=True)
            return {"content": [], "structuredContent": {"said": True}}
        case "grow":
            TOOLS.append({"name": arguments["name"], "inputSchema": {"type": arguments.get("type", "object")}})
            send(method="notifications/tools/list_changed")
            return text("grown")
    raise LookupError(name)


def answer(number: Any, method: str, params: dict[str, Any]) -> None:
    if method == "initialize":
        about = {"name": "awkward", "version": "1"}
        version = params["protocolVersion"]
        send(id=number, result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about})
    elif method == "tools/list":
        send(id=number, result=page(params.get("cursor")))
    elif method == "tools/call" and params["name"] == "error":
        send(id=number, error={"code": params["arguments"]["code"], "message": "told so"})
    elif method == "tools/call":
        result = call(params["name"], params.get("arguments") or {})
        if result is not None:
            send(id=number, result=result)
    else:
        send(id=number, error={"code": -32601, "message": "no such method"})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "silent" in sys.argv:
            continue
        if message.get("method") == "notifications/cancelled":
            print("cancelled", file=sys.stderr, flush=True)
        if "id" in message and "method" in message:
            answer(message["id"], message["method"], message.get("params") or {})
    while "stays" in sys.argv:
        time.sleep(1)


if __name__ == "__main__":
    main()
