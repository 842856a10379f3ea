"""Chat formats by name, and which one a model needs."""

from __future__ import annotations

from importlib import import_module

from ...core.chat_format import ChatFormat
from ...core.errors import ConfigError
from .detect import detect_family
from .tokenizer import ChatTokenizer, load_tokenizer

FORMATS = {
    "pocket": ".pocket:PocketFormat",
    "qwen3": ".qwen3:Qwen3Format",
    "deepseek-r1": ".deepseek_r1:DeepSeekR1Format",
    "gpt-oss": ".gpt_oss:GptOssFormat",
    "llama3": ".llama3:Llama3Format",
    "mistral": ".mistral:MistralFormat",
}
"""Name -> module and class; a name with a colon is such a path itself, for formats of one's own."""


def load_format(name: str, model: str, tokenizer_name: str | None = None) -> ChatFormat:
    """The chat format of a model directory or name; "auto" finds out which.

    Raises ConfigError for an unknown name, a tokenizer that cannot be loaded, or one that lacks the family's markers.
    """
    if name != "auto" and name not in FORMATS and ":" not in name:
        raise ConfigError(f"unknown chat format {name!r}; known: auto, {', '.join(FORMATS)}")
    tokenizer = load_tokenizer(tokenizer_name or model)
    return format_for(detect_family(tokenizer, model) if name == "auto" else name, tokenizer)


def format_for(name: str, tokenizer: ChatTokenizer) -> ChatFormat:
    """The named format over a tokenizer."""
    module, _, class_name = FORMATS.get(name, name).partition(":")
    try:
        make = getattr(import_module(module, __package__), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the chat format {name!r} cannot be imported: {error}") from error
    chat_format: ChatFormat = make(tokenizer)
    return chat_format
