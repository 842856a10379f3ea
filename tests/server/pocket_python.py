"""Python as the pocket model writes it, for a server in a process of its own."""

from flyball.tools.marks import tool
from flyball.training.pocket.report.interpreter import run_python


@tool(effect="pure")
def python(code: str) -> str:
    """Runs Python code and returns what it prints."""
    return run_python(code)
