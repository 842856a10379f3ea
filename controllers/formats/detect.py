"""Which family a model belongs to, by its tokens first, then by its chat template and config."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError
from .tokenizer import ChatTokenizer, has_token

_TINY_VOCABULARY = 8192
_DEEPSEEK_TURN = "<\uff5cAssistant\uff5c>"


class _Clues:
    """What can be asked of a model."""

    def __init__(self, tokenizer: ChatTokenizer, model: str) -> None:
        self._backend, self._folder = tokenizer.backend_tokenizer, Path(model)
        self.template = str(tokenizer.chat_template)
        self.model_type = self._read("config.json").get("model_type")

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / name
        try:
            value = json.loads(path.read_bytes()) if path.is_file() else {}
        except ValueError as error:
            raise ConfigError(f"{path} is no JSON: {error}") from error
        return value if isinstance(value, dict) else {}

    def tokens(self, *texts: str) -> bool:
        """Whether each of the texts is one token."""
        return all(has_token(self._backend, text) for text in texts)

    @property
    def tiny(self) -> bool:
        return "world" in self._read("card.json") or self._backend.get_vocab_size() <= _TINY_VOCABULARY


_RULES: tuple[tuple[str, Callable[[_Clues], bool]], ...] = (
    ("gpt-oss", lambda clues: clues.tokens("<|channel|>", "<|message|>", "<|start|>")),
    ("deepseek-r1", lambda clues: clues.tokens("<think>", _DEEPSEEK_TURN)),
    ("pocket", lambda clues: clues.tokens("<think>", "<|im_start|>") and clues.tiny),
    ("qwen3", lambda clues: clues.tokens("<think>", "<|im_start|>")),
    ("mistral", lambda clues: clues.tokens("[INST]") or "[INST]" in clues.template or clues.model_type == "mistral"),
    ("llama3", lambda clues: clues.tokens("<|start_header_id|>")),
)
"""The first rule that holds: distilled R1 models have the tokens of their base family too."""


def detect_family(tokenizer: ChatTokenizer, model: str) -> str:
    """The name of the model's chat format. Raises ConfigError when no family fits."""
    clues = _Clues(tokenizer, model)
    for name, holds in _RULES:
        if holds(clues):
            return name
    known = ", ".join(name for name, _ in _RULES)
    raise ConfigError(f"no chat format fits the tokenizer of {model!r}; known: {known}; name the nearest one")
