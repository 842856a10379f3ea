"""What a server answers, as a Result."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from ..result import Image, Result, Status

if TYPE_CHECKING:
    from mcp import MCPError
    from mcp_types import CallToolResult

MAX_IMAGE_BYTES = 4 * 2**20
_UNKNOWN_METHOD, _WRONG_PARAMETERS, _TIMED_OUT = -32601, -32602, -32001


def result_of(answer: CallToolResult) -> Result:
    """Text blocks one below the other, images apart; what a model cannot read is named in brackets."""
    lines: list[str] = []
    images: list[Image] = []
    for block in answer.content:
        line, image = _block(block)
        lines += [line] if line else []
        images += [image] if image else []
    structured = answer.structured_content
    if not lines and not images and structured is not None:
        lines = [json.dumps(structured, ensure_ascii=False)]
    status = Status.USER_ERROR if answer.is_error else Status.OK
    return Result(status, "\n".join(lines), tuple(images), structured)


def result_of_error(error: MCPError) -> Result:
    """An unknown tool and wrong arguments are the model's doing, other errors of the protocol are not."""
    if error.code in (_UNKNOWN_METHOD, _WRONG_PARAMETERS):
        return Result(Status.USER_ERROR, error.message)
    if error.code == _TIMED_OUT:
        return Result(Status.TIMEOUT, "The server did not answer in time.")
    return Result(Status.INFRA, f"The server failed (error {error.code}).")


def _block(block: Any) -> tuple[str, Image | None]:
    match block.type:
        case "text":
            return block.text, None
        case "image":
            return _image(block.data, block.mime_type)
        case "resource" if hasattr(block.resource, "text"):
            return block.resource.text, None
        case "resource":
            return f"[file {block.resource.uri}, not shown]", None
        case "resource_link":
            return f"[{block.name}: {block.uri}]", None
        case other:
            return f"[{other}, not shown]", None


def _image(data: str, media_type: str) -> tuple[str, Image | None]:
    if len(data) > MAX_IMAGE_BYTES * 4 / 3:
        return "[an image that is too large]", None
    try:
        return "", Image(media_type, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return "[an image that cannot be read]", None
