"""The prompt of a conversation, as the chat template writes it."""

import json
from functools import cache
from typing import Any

import jinja2

from ..tokenizer import chat_template

Message = dict[str, str]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)  # as transformers has it
    return environment.from_string(chat_template())


def render(messages: list[Message], enable_thinking: bool = True, tools: list[dict[str, Any]] | None = None) -> str:
    """The prompt for the next assistant turn."""
    return _template().render(
        messages=messages, tools=tools, add_generation_prompt=True, enable_thinking=enable_thinking
    )
