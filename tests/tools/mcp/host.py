"""Starts a server, says which processes there are, and waits to be killed."""

import asyncio
import sys

import psutil

from flyball.tools.mcp.config import StdioServer
from flyball.tools.mcp.server import McpServer


async def main() -> None:
    config = StdioServer(name="odd", command=sys.executable, args=("-I", sys.argv[1], "stays"), connect_timeout_s=60)
    server = McpServer(config)
    assert await server.start()
    await server.call("child", {})
    print(*(process.pid for process in psutil.Process().children(recursive=True)), flush=True)
    await asyncio.sleep(3600)


asyncio.run(main())
