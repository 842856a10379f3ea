"""The retriever that a configuration names."""

from __future__ import annotations

from collections.abc import Iterable

from ..tool import ToolSpec
from .dense import DenseIndex
from .encoders import load_encoder
from .fusion import Fused
from .lexical import LexicalIndex
from .retriever import Retriever


def make_retriever(specs: Iterable[ToolSpec], encoder: str | None = None) -> Retriever:
    """BM25; with the name of an encoder's model, BM25 and that encoder fused.

    Errors: ConfigError when the encoder cannot be loaded.
    """
    specs = list(specs)
    lexical = LexicalIndex(specs)
    if encoder is None:
        return lexical
    return Fused([lexical, DenseIndex(specs, load_encoder(encoder))])
