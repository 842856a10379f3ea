"""Tools for tests of the loop: typed functions, a way to hold one while it runs, and what requests say of them."""

from __future__ import annotations

import ast
import asyncio
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from flyball.controllers.server_tools import ServerTools
from flyball.core.errors import ToolError
from flyball.tools.function import FunctionTool
from flyball.tools.marks import tool
from flyball.tools.registry import Registry
from flyball.tools.tool import Tool
from flyball.tools.wrappers.stack import StackSettings, stacked

_OPERATORS: Mapping[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def evaluated(node: ast.AST) -> int:
    """The value of whole numbers, sums, differences and products; nothing else is run."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](evaluated(node.left), evaluated(node.right))
    raise ToolError(f"cannot evaluate {ast.unparse(node)}")


@tool(effect="pure")
def python(code: str) -> str:
    """Evaluates arithmetic: the expressions inside of print(), one result a line."""
    try:
        prints = [node.value for node in ast.parse(code).body if isinstance(node, ast.Expr)]
    except SyntaxError as error:
        raise ToolError(f"SyntaxError: {error.msg}") from error
    arguments = [node.args[0] if isinstance(node, ast.Call) else node for node in prints]
    return "\n".join(str(evaluated(node)) for node in arguments)


@tool(effect="pure")
def add(a: int, b: int) -> int:
    """Adds two whole numbers."""
    return a + b


class Held:
    """A tool that waits, once it has begun, until it is let go; it notes what becomes of it."""

    def __init__(self, effect: str = "read_only", timeout: float = 5.0) -> None:
        self.begun, self.go, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.log: list[str] = []
        self.sessions: list[str] = []
        self._effect, self._timeout = effect, timeout

    def tool(self) -> Tool:
        @tool(effect=self._effect, timeout=self._timeout)
        async def look(q: str = "") -> str:
            """Looks something up."""
            self.log.append(f"began {q}")
            self.begun.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.log.append(f"cancelled {q}")
                raise
            finally:
                self.ended.set()
            self.log.append(f"found {q}")
            return f"found {q}"

        return FunctionTool(look)


def registry(*tools: Any) -> Registry:
    """Tools in the standard wrappers."""
    made = Registry(wrap=lambda each: stacked(each, StackSettings(attempts=1), others=lambda: made))
    for each in tools:
        made.add(FunctionTool(each) if callable(each) else each)
    return made


def schema(each: Tool) -> dict[str, Any]:
    spec = each.spec
    function = {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", "function": function}


CLIENT = {"type": "function", "function": {"name": "ask_user", "parameters": {"type": "object"}}}


def offered(*tools: Any, client: bool = False, fenced: bool = False, rounds: int = 32, **more: Any) -> dict[str, Any]:
    """What an episode is given so that the server runs these tools."""
    made = registry(*tools)
    own = [CLIENT] if client else []
    server = ServerTools(
        tools=made,
        client=frozenset({"ask_user"} if client else ()),
        fenced="python" if fenced else None,
        max_rounds=rounds,
    )
    return {"tools": (*own, *map(schema, made.values())), "server_tools": server, **more}


def call(name: str, **arguments: Any) -> str:
    """A call as the pocket model writes it."""
    body = json.dumps({"name": name, "arguments": arguments})
    return f"<tool_call>\n{body}\n</tool_call>"


def responses(*texts: str) -> str:
    """Results as the family's template writes them, up to the next turn."""
    inner = "".join(f"\n<tool_response>\n{text}\n</tool_response>" for text in texts)
    return f"\n<|im_start|>user{inner}<|im_end|>\n<|im_start|>assistant\n"
