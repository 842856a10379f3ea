"""Text encoders by the name of their model."""

from __future__ import annotations

from ...core.errors import ConfigError
from .dense import Encoder


def load_encoder(name: str) -> Encoder:
    """A static encoder of model2vec: a folder, or a model's name on the Hugging Face hub. It needs no torch.

    Errors: ConfigError when the library is not installed or the model cannot be loaded.

    Example: load_encoder("minishlab/potion-retrieval-32M")
    """
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise ConfigError("a dense encoder needs model2vec: pip install 'flyball[retrieval]'") from error
    try:
        encoder: Encoder = StaticModel.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the encoder {name!r} cannot be loaded: {error}") from error
    return encoder
