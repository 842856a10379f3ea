"""Hermes calls, compared with vLLM's parser."""

import json
from typing import Any

import pytest

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.hermes import HermesCallParser

CALLS = [
    '\n{"name": "f", "arguments": {"a": "}\\"", "b": [1, {"c": null}]}}\n',
    '{"arguments": {"text": "é\\u00e9 \\n"}, "name": "g"}',
    '{"name": "now", "arguments": {}}',
]


def ours(texts: list[str]) -> list[tuple[str, Any]]:
    parser = HermesCallParser()
    deltas = []
    for text in texts:
        for char in text:
            deltas += parser.feed(char)
        assert parser.close() == ([], "")
    names = [delta.name for delta in deltas if delta.name is not None]
    arguments = ["".join(d.arguments for d in deltas if d.index == index) for index in range(len(names))]
    return [(name, json.loads(text)) for name, text in zip(names, arguments, strict=True)]


@pytest.mark.filterwarnings("ignore")
def test_calls_are_those_that_vllm_reads() -> None:
    hermes = pytest.importorskip("vllm.tool_parsers.hermes_tool_parser", exc_type=ImportError)
    parser = hermes.Hermes2ProToolParser(byte_tokenizer("x", markers=["<tool_call>", "</tool_call>"]))
    text = "".join(f"<tool_call>{call}</tool_call>" for call in CALLS)
    read = parser.extract_tool_calls(text, None).tool_calls
    theirs = [(call.function.name, json.loads(call.function.arguments)) for call in read]
    assert ours(CALLS) == theirs and len(theirs) == 3
