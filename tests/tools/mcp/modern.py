"""An MCP server over streamable HTTP on the port that is given, made with the protocol's own library."""

import asyncio
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("modern")


@server.tool()
async def echo(text: str) -> str:
    """Says it again."""
    return text


@server.tool()
async def hang() -> str:
    """Takes an hour."""
    print("hanging", file=sys.stderr, flush=True)
    await asyncio.sleep(3600)
    return "done"


if __name__ == "__main__":
    server.run("streamable-http", port=int(sys.argv[1]))
