"""Python as fenced code in the thinking: the client runs the code where its fence closes, and appends the output."""

from __future__ import annotations

from ..world.question import Question
from .bench import Bench
from .interpreter import run_python
from .line import Line
from .rows import Call, Reply, Row, row

OPENING, CLOSING = "```python\n", "\n```\n"
MAX_TOKENS, MAX_RUNS = 900, 4


async def think_with_code(bench: Bench, question: Question, hint: str) -> Row:
    """Thinks, takes the hint where the thinking would end, then runs code until the answer comes."""
    line = Line(bench.tokenizer, question.text)
    reply = await line.go_on(bench.asker, MAX_TOKENS, ["</think>"])
    thinking = line.text.rstrip("\n")
    line = Line(bench.tokenizer, question.text)
    line.append(thinking)
    line.append("\n\n" + hint)
    runs: list[Call] = []
    while reply.error is None:
        reply = await line.go_on(bench.asker, MAX_TOKENS, [CLOSING])
        code = code_at_end(line.text)
        if code is None or reply.finish != "stop" or len(runs) == MAX_RUNS:
            break
        runs.append(Call("", "python", code))
        line.append(CLOSING)
        line.append(output_block(run_python(code)))
    thought, _, answer = line.text.partition("</think>")
    return row(question, Reply(answer, thought.strip("\n"), (), reply.finish, error=reply.error), label=str(len(runs)))


def code_at_end(text: str) -> str | None:
    """The code of a fence that is still open where the text ends; None when none is.

    Example: "I run it.\\n```python\\nprint(1)" gives "print(1)"."""
    _, found, code = text.rpartition(OPENING)
    return code if found and "```" not in code and "</think>" not in text else None


def output_block(result: str) -> str:
    """What is appended behind the closing fence."""
    return f"```output\n{result}\n```\n"
