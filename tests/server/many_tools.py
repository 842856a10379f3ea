"""Sixty tools, of which a question fits one."""

from flyball.tools.function import FunctionTool
from flyball.tools.marks import Marks
from flyball.tools.tool import Effect

CITIES = [f"town{number}" for number in range(59)]


def _tool(name: str, doc: str) -> FunctionTool:
    def function(city: str) -> str:
        return f"{name} of {city}"

    function.__doc__ = doc
    return FunctionTool(function, Marks(name, Effect.PURE))


globals().update({f"tool_{city}": _tool(f"map_{city}", f"Draws the streets of {city}.") for city in CITIES})
weather = _tool("forecast", "Says how the weather is, in Paris for example.")
