"""The two forms of a call, what comes back, and the budget that is shown beside it."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from . import wording
from .scratch import Scratch

PYTHON, SEARCH = "python", "search"
_LABELS = {PYTHON: ("Python", "python", "Code", "Python Tool"), SEARCH: ("Search", "Query", "search", "Search Tool")}
_OTHERS = ("URL", "Token", "Calculator", "Seconds")


@dataclass(slots=True)
class Budget:
    """How many calls of a tool were made and are left, under the name by which the block calls it."""

    label: str
    used: int
    remaining: int
    other: str = ""
    """A line about some other tool, or nothing."""
    ending: str = ""

    def spend(self, calls: int = 1) -> None:
        """Counts calls."""
        self.used += calls
        self.remaining -= calls

    def block(self) -> str:
        """The block as a controller appends it to a result."""
        line = f"{self.label} Budget Used: {self.used}, {self.label} Budget Remaining: {self.remaining}"
        return f"<budget>\n{line}{self.other}{self.ending}\n</budget>"


def draw_budget(rng: random.Random, tool: str, remaining: int) -> Budget:
    """A budget with so many calls left."""
    name = rng.choice(_OTHERS)
    used, left = rng.randint(0, 300), rng.randint(0, 900)
    other = f"{name} Budget Used: {used}, {name} Budget Remaining: {left}"
    other = rng.choice(("", "", f"\n{other}", f", {other}"))
    return Budget(
        rng.choice(_LABELS[tool]), rng.choice((0, 0, 1, 2)), remaining, other, rng.choice(wording.BUDGET_ENDINGS)
    )


def fenced(code: str) -> str:
    """Code as it stands in the thinking, up to and with the closing fence."""
    return f"```python\n{code}\n```\n"


def output(text: str, budget: Budget | None = None) -> str:
    """What is appended to code in the thinking."""
    return f"```output\n{text}\n```\n" + (f"{budget.block()}\n" if budget else "")


def call(tool: str, argument: str) -> str:
    """One call in Hermes form."""
    name = "code" if tool == PYTHON else "query"
    content = f'{{"name": "{tool}", "arguments": {json.dumps({name: argument}, ensure_ascii=False)}}}'
    return f"<tool_call>\n{content}\n</tool_call>"


def responses(results: Sequence[str], budget: Budget | None = None) -> str:
    """The turn that brings the results, and the opening of the model's next turn."""
    blocks = "".join(f"\n<tool_response>\n{result}\n</tool_response>" for result in results)
    if budget:
        inside, end = blocks.removesuffix("\n</tool_response>"), "\n</tool_response>"
        blocks = f"{inside}\n{budget.block()}{end}"
    return f"\n<|im_start|>user{blocks}<|im_end|>\n<|im_start|>assistant\n"


def make_calls(scratch: Scratch, calls: Sequence[str], results: Sequence[str], budget: Budget | None) -> None:
    """Ends the model's turn with calls and appends their results."""
    scratch.write("\n".join(calls) + "<|im_end|>")
    if budget:
        budget.spend(len(calls))
    scratch.read(responses(results, budget))


_DESCRIPTIONS = {
    PYTHON: (
        "Runs Python code and returns what it prints.",
        "Execute Python code.",
        "A Python interpreter; prints come back.",
    ),
    SEARCH: (
        "Searches the documents and returns passages.",
        "Look up passages in a collection of documents.",
        "Full-text search over documents.",
    ),
}


_ARGUMENTS = {PYTHON: ("The code.", "Code to run."), SEARCH: ("What to search for.", "The query.")}
_OTHER_TOOLS = (("get_weather", "Weather of a city.", "city"), ("calculator", "Evaluates a term.", "term"))


def schema(rng: random.Random, tool: str) -> dict[str, object]:
    """The tool as one client or another declares it."""
    return _function(rng, tool, rng.choice(_DESCRIPTIONS[tool]), "code" if tool == PYTHON else "query")


def useless_schema(rng: random.Random) -> dict[str, object]:
    """A tool that no question of the world needs."""
    return _function(rng, *rng.choice(_OTHER_TOOLS))


def _function(rng: random.Random, name: str, description: str, argument: str) -> dict[str, object]:
    value: dict[str, object] = {"type": "string"}
    if rng.random() < 0.3:
        value["description"] = rng.choice(_ARGUMENTS.get(name, ("A value.",)))
    elif rng.random() < 0.4:
        value = {"title": argument.capitalize(), **value}
    parameters: dict[str, object] = {"type": "object", "properties": {argument: value}, "required": [argument]}
    if rng.random() < 0.3:
        parameters = {"properties": {argument: value}, "required": [argument], "type": "object"}
    if rng.random() < 0.2:
        parameters["additionalProperties"] = False
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}
