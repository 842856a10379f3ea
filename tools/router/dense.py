"""Tools by meaning: vectors of a text encoder, compared exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..tool import ToolSpec
from .ranking import best
from .retriever import Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Encoder(Protocol):
    """Turns texts into vectors of one length; what is alike in meaning points in like directions."""

    def encode(self, texts: Sequence[str], /) -> NDArray[Any]:
        """One row for each text."""


class DenseIndex:
    """Ranks by the cosine between the vectors of query and tool. Ten thousand tools need no vector database.

    A tool's text is its name in words, its description and its parameter names.
    """

    def __init__(self, specs: Iterable[ToolSpec], encoder: Encoder) -> None:
        specs = list(specs)
        self._names = [spec.name for spec in specs]
        self._encoder = encoder
        self._rows = _normalised(encoder.encode([_text(spec) for spec in specs])) if specs else None

    def search(self, query: str, k: int) -> list[Hit]:
        """The `k` nearest tools, the best first."""
        if self._rows is None:
            return []
        import numpy as np

        # Not `@`: BLAS would use every core for this millisecond, and on a busy machine its threads wait for each other
        # (measured: 30 ms instead of 1.2 for 20,000 rows of 384).
        scores = np.einsum("ij,j->i", self._rows, _normalised(self._encoder.encode([query]))[0])
        return [Hit(self._names[at], float(scores[at])) for at in best(scores, k)]


def _text(spec: ToolSpec) -> str:
    parameters = ", ".join(spec.parameters.get("properties", {}))
    return f"{spec.name.replace('_', ' ')}: {spec.description} ({parameters})"


def _normalised(rows: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    normalised: NDArray[Any] = rows / np.where(lengths == 0, 1, lengths)
    return normalised
