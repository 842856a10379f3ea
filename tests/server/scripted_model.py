"""What the scripted engine writes: a function of the conversation, so that a test's prompt chooses a behaviour.

| in the question | the model |
|---|---|
| anything | thinks "Let me see." and answers "The answer is \\boxed{42}." |
| briefly | does not think |
| count | answers "one two three …" up to twenty |
| emoji | answers in characters of several bytes |
| compute | runs `6*7` between fences while it thinks, and answers with what it prints |
| run: and code behind it | runs that code between fences while it thinks, and answers |
| doubt | states its result six times, in thoughts that begin with "Wait" |
| Reply Yes or No. | answers "Yes" |
| vote | answers 41 in its first trajectory and 42 in every other |
| weather, with a tool offered | calls the first tool |
| both, with a tool offered | calls it twice |
| raise | fails in a way that nobody foresaw |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from flyball.core.chat_format import ChatFormat
from flyball.core.engine import EngineRequest, Grammar

THINKING = "Let me see. Six times seven."
DOUBTING = "\n\nWait, ".join(["So the result is 42."] * 6)
ANSWER = "The answer is \\boxed{42}."
NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
EMOJI = "Héllo, 🙂 wörld 🚀!"
COMPUTING = "I compute.\n```python\n6*7\n```\n```output\n42\n```\nSo it is 42."
AFTER_RESULT = "It is sunny in Paris."
_QUESTION = re.compile(r"<\|im_start\|>user\n(?!<tool_response>)(.*?)<\|im_end\|>", re.DOTALL)
_TOOLS = re.compile(r"<tools>\n(.*?)\n</tools>", re.DOTALL)


class Reply(NamedTuple):
    """One turn of the model."""

    thinking: str
    answer: str

    def text(self) -> str:
        """As Qwen3 writes it."""
        return self.opened("") + self.answer

    def opened(self, written: str) -> str:
        """The thinking, from where `written` leaves off, and its end."""
        whole = f"<think>\n{self.thinking}\n</think>\n\n" if self.thinking else "<think>\n\n</think>\n\n"
        if whole.startswith(written):
            return whole[len(written) :]
        return " So be it.\n</think>\n\n"


class PocketScript:
    """The script. A call whose ids hold a part of the reply goes on where they leave off."""

    def __init__(self, format: ChatFormat) -> None:
        self._format = format

    def __call__(self, request: EngineRequest) -> Iterable[int]:
        prompt, assistant, written = self._format.decode(request.ids).rpartition("<|im_start|>assistant\n")
        if not assistant:
            return [*self._format.encode(" and so on, and so on"), self._eos]
        reply = _reply(prompt, request)
        text = _rest(reply, written, request.sampling.grammar)
        return [*self._format.encode(text), self._eos]

    @property
    def _eos(self) -> int:
        return self._format.encode("<|im_end|>")[0]


def _rest(reply: Reply, written: str, grammar: Grammar | None) -> str:
    _, closed, after = written.rpartition("</think>")
    if grammar is not None:
        return _matching(grammar)
    if not closed:
        return reply.opened(written) + reply.answer
    after = after.lstrip("\n")
    answer = reply.answer[len(after) :] if reply.answer.startswith(after) else ""
    return answer if written.endswith("\n\n") or after else "\n\n" + answer


def _reply(prompt: str, request: EngineRequest) -> Reply:
    question = ["", *_QUESTION.findall(prompt)][-1]
    tools = [json.loads(line) for found in _TOOLS.findall(prompt) for line in found.split("\n") if line]
    answered = prompt.rpartition("<|im_start|>")[2].startswith("user\n<tool_response>")
    if "raise" in question:
        raise ValueError("a defect that nobody foresaw: sk-internal-detail")
    thinking = COMPUTING if "compute" in question else DOUBTING if "doubt" in question else _running(question)
    return Reply("" if "briefly" in question else thinking, _answer(question, tools, answered, request))


def _running(question: str) -> str:
    _, asked, code = question.partition("run:\n")
    return f"I run it.\n```python\n{code}\n```\n" if asked else THINKING


def _answer(question: str, tools: list[dict[str, Any]], answered: bool, request: EngineRequest) -> str:
    if answered:
        return AFTER_RESULT
    if tools and ("weather" in question or "both" in question):
        times = 2 if "both" in question else 1
        return "\n".join(_call(tools[min(number, len(tools) - 1)]) for number in range(times))
    if "Reply Yes or No." in question:
        return "Yes"
    if "count" in question:
        return NUMBERS
    if "emoji" in question:
        return EMOJI
    if "vote" in question:
        trajectory = int(request.request_id.split("-")[2])
        return f"The answer is \\boxed{{{41 if trajectory == 0 else 42}}}."
    return ANSWER


def _call(tool: dict[str, Any]) -> str:
    function = tool["function"]
    call = {"name": function["name"], "arguments": example_of(function.get("parameters") or {"type": "object"})}
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


def _matching(grammar: Grammar) -> str:
    return json.dumps({"answer": 42} if grammar.json_schema is None else example_of(grammar.json_schema))


def example_of(schema: Any) -> Any:
    """A value for the usual kinds of schema."""
    if not isinstance(schema, dict):
        return {}
    if "const" in schema:
        return schema["const"]
    for choice in ("enum", "anyOf"):
        if schema.get(choice):
            return schema[choice][0] if choice == "enum" else example_of(schema[choice][0])
    match schema.get("type"):
        case "string":
            return "Paris"
        case "integer" | "number":
            return min(42, schema.get("maximum", 42))
        case "boolean":
            return True
        case "array":
            return [example_of(schema.get("items"))]
    properties = schema.get("properties")
    return {name: example_of(inner) for name, inner in properties.items()} if isinstance(properties, dict) else {}
