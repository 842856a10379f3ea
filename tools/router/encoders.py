"""Text encoders by the name of their model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError
from .dense import Encoder

if TYPE_CHECKING:
    from model2vec import StaticModel
    from numpy.typing import NDArray


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
        return _Static(StaticModel.from_pretrained(name))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the encoder {name!r} cannot be loaded: {error}") from error


class _Static:
    def __init__(self, model: StaticModel) -> None:
        self._model = model

    def encode(self, texts: Sequence[str], /) -> NDArray[Any]:
        # By itself the library starts processes for ten thousand texts: no place for that in a server.
        return self._model.encode(list(texts), use_multiprocessing=False)
