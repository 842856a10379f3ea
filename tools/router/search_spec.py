"""What a model is told of `search_tools`."""

from __future__ import annotations

from ..tool import Effect, ToolSpec

SEARCH_TOOLS = "search_tools"
MOST_FOUND = 20


def search_spec(tools: int) -> ToolSpec:
    """The spec, for a number of tools to be found."""
    return ToolSpec(
        SEARCH_TOOLS,
        f"Finds tools by what they do, among {tools}; only some are listed here. The answer has each tool's name, "
        "description and parameters; you may call them from then on.",
        {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What the tool should do, in a few words."},
                "k": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": 8},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
        effect=Effect.READ_ONLY,
    )
