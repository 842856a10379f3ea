"""How a turn ends: by itself, cut by a closing phrase, or interrupted by a question for the answer."""

import random

from tokenizers import Tokenizer

from . import wording
from .behaviour import Behaviour
from .scratch import Piece, Scratch

END = "<|im_end|>"
END_THINK = "\n</think>\n\n"
EMPTY_THINK = "<think>\n\n</think>\n\n"


def answer(value: str) -> str:
    """The answer sentence and the end of the turn."""
    return wording.ANSWER.format(d=value) + END


def close(scratch: Scratch, value: str) -> None:
    """Ends the thinking and answers."""
    scratch.write(END_THINK + answer(value))


def answer_after(opening: str, value: str) -> str:
    """The answer in the form that the text before it asks for."""
    if opening.endswith("\\boxed{"):
        return f"{value}}}{END}"
    if opening.endswith("\\boxed"):
        return f"{{{value}}}{END}"
    if opening.endswith(("**\n", ": ")):
        return f"\\boxed{{{value}}}{END}"
    return answer(value)


def cut(rng: random.Random, behaviour: Behaviour, tokenizer: Tokenizer, scratch: Scratch, guess: str) -> list[Piece]:
    """The example cut somewhere in its thinking, with an ending that is only read, and what is then answered.

    That is the last result stated; else the last partial value; else what could be supposed there; else the guess."""
    spans = scratch.open_spans()
    start, text = rng.choices(spans, [len(text) for _, text in spans])[0]
    breaks = [i for i in range(len(text)) if text.startswith("\n\n", i)]
    if breaks and rng.random() < behaviour.cut_at_thought:
        end = rng.choice(breaks) + rng.choice((0, 2))
    else:
        end = rng.choice([0, *(offset[1] for offset in tokenizer.encode(text).offsets)])
    known = scratch.known(start + end)
    probing = rng.random() < behaviour.probe / (behaviour.probe + behaviour.cut)
    ending = rng.choice(wording.PROBES if probing else wording.CLOSINGS)
    final = answer_after(ending, guess if known is None else known)
    return [*scratch.before(start + end), Piece(ending, False), Piece(final, True)]
