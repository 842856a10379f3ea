"""The text of one example as it is written, with what it has stated so far."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A value, known by its first token, that follows from the first `end` characters of a piece."""

    end: int
    value: str
    above: int = 0
    """Layers above the middle one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that is tokenised alone; learned or only read; `open` where a controller may cut it."""

    text: str
    learned: bool
    open: bool = False
    known: tuple[Known, ...] = ()
    """Values that a middle layer is taught to know, in their order."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A value that stands once the first `end` characters are written; `rank` says how well it is founded.

    Rank 2 is a stated result, 1 a partial value, 0 what could be answered without having stated anything."""

    end: int
    value: str
    rank: int


class Scratch:
    """Pieces in their order, and the values that they state."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.statements: list[Statement] = []
        self.length = 0

    def say(self, text: str) -> None:
        """Thinking of the model's own, which may be cut anywhere."""
        self._add(Piece(text, True, True))

    def write(self, text: str) -> None:
        """Text of the model's own that is never cut: markers, calls, answers."""
        self._add(Piece(text, True))

    def read(self, text: str) -> None:
        """Text that somebody else put there: results, hints, prompts."""
        self._add(Piece(text, False))

    def state(self, text: str, value: str, final: bool = True) -> None:
        """Thinking whose last occurrence of the value states it: as the result when `final`, else on the way."""
        end = self.length + text.rindex(value) + len(value)
        self.say(text)
        self.statements.append(Statement(end, value, 2 if final else 1))

    def suppose(self, value: str) -> None:
        """From here on, a forced answer that nothing stated supports is this one."""
        self.statements.append(Statement(self.length, value, 0))

    def forget(self) -> None:
        """What was stated so far no longer counts: a new question has begun."""
        self.statements.clear()

    def known(self, end: int | None = None) -> str | None:
        """The last result stated in the first `end` characters, else the last partial value, else the supposition."""
        said = [s for s in self.statements if end is None or s.end <= end]
        best = max((s.rank for s in said), default=-1)
        return next((s.value for s in reversed(said) if s.rank == best), None)

    def before(self, end: int) -> list[Piece]:
        """The pieces up to that character."""
        kept: list[Piece] = []
        start = 0
        for piece in self.pieces:
            if start >= end:
                break
            kept.append(Piece(piece.text[: end - start], piece.learned, piece.open))
            start += len(piece.text)
        return kept

    def open_spans(self) -> list[tuple[int, str]]:
        """Start and text of each piece that may be cut."""
        found: list[tuple[int, str]] = []
        start = 0
        for piece in self.pieces:
            if piece.open:
                found.append((start, piece.text))
            start += len(piece.text)
        return found

    def _add(self, piece: Piece) -> None:
        self.length += len(piece.text)
        last = self.pieces[-1] if self.pieces else None
        if last and (last.learned, last.open) == (piece.learned, piece.open):
            self.pieces[-1] = Piece(last.text + piece.text, piece.learned, piece.open)
        else:
            self.pieces.append(piece)
