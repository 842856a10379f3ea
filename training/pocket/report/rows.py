"""What was asked and what came back, as it is kept while a run goes on."""

import msgspec

from ..world.question import Question, grade


class Call(msgspec.Struct, frozen=True):
    """A tool call of the model. `arguments` is JSON text; code in the thinking stands there as it is."""

    id: str
    name: str
    arguments: str


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of the model, or the error in its place."""

    content: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""
    """stop, length or tool_calls."""
    tops: dict[str, float] = {}
    """The first token's likely texts with their log-probabilities, where they were asked for."""
    error: str | None = None


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question and the turns that it took. `label` says which of several cases it is."""

    question: str
    answer: str
    replies: tuple[Reply, ...]
    kind: str = ""
    difficulty: int = 0
    label: str = ""

    @property
    def error(self) -> str | None:
        """The first failure of a request."""
        return next((reply.error for reply in self.replies if reply.error is not None), None)

    @property
    def right(self) -> bool:
        """Whether the last turn gives the answer; a turn that ends in calls does not."""
        last = self.replies[-1]
        return self.error is None and not last.calls and grade(last.content, self.answer)

    @property
    def thinking(self) -> str:
        """The first turn's thinking."""
        return self.replies[0].thinking

    @property
    def calls(self) -> int:
        """Tool calls in all turns."""
        return sum(len(reply.calls) for reply in self.replies)


def row(question: Question, *replies: Reply, label: str = "") -> Row:
    """A question of the world with what came back."""
    return Row(question.text, question.answer, replies, question.kind, question.difficulty, label)
