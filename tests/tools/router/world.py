"""A small set of tools, and an encoder that knows a few synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball.tools.tool import ToolSpec


def tool(name: str, description: str = "", *parameters: str, usd: float = 0.0) -> ToolSpec:
    schema = {"type": "object", "properties": {parameter: {"type": "string"} for parameter in parameters}}
    return ToolSpec(name, description, schema, usd=usd)


TOOLS = [
    tool("get_weather", "The forecast for a town.", "town", "days"),
    tool("readCSVFile", "Loads a table.", "path", "delimiter"),
    tool("send_mail", "Sends a message to somebody.", "recipient", "subject"),
    tool("plot_histogram", "Draws how often values occur.", "values", "bins"),
    tool("convert_currency", "Converts money between currencies.", "amount", "source", "target"),
]


def many(count: int = 100) -> list[ToolSpec]:
    """The tools above among others that share no word with them."""
    return [*TOOLS, *(tool(f"filler_{n}", f"Does nothing of kind k{n}.") for n in range(count - len(TOOLS)))]


class Synonyms:
    """An encoder for tests: one dimension per topic, on which each of its words counts."""

    TOPICS = (
        {"weather", "rain", "umbrella", "forecast"},
        {"table", "csv", "spreadsheet", "excel"},
        {"mail", "letter", "message", "write"},
    )

    def encode(self, texts: Sequence[str], /) -> NDArray[Any]:
        words = [set(text.lower().replace(":", " ").replace(".", " ").split()) for text in texts]
        return np.array([[len(topic & found) for topic in self.TOPICS] for found in words], dtype=np.float64)
