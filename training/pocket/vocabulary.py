"""The texts that the tokenizer learns its words from: examples of both models, and the phrases that are injected."""

import random
from collections.abc import Iterator
from dataclasses import replace

from tokenizers import Tokenizer, models

from .reasoner import wording
from .reasoner.behaviour import BEHAVIOUR
from .reasoner.curriculum import Curriculum
from .reasoner.writer import Writer
from .tokenizer import chat_template, train_tokenizer
from .verifier.writer import draw_verdict


def learn_tokenizer(examples: int, seed: int) -> Tokenizer:
    """The tokenizer that both models share."""
    return train_tokenizer(sample_texts(examples, seed))


def sample_texts(examples: int, seed: int) -> Iterator[str]:
    """`examples` examples of the training split, and every phrase that may be injected."""
    uncut = replace(BEHAVIOUR, cut=0.0, probe=0.0)  # a cut needs the tokenizer
    writer = Writer(Tokenizer(models.BPE()), "train", Curriculum.constant(uncut))
    rng = random.Random(f"vocabulary/{seed}")
    for number in range(examples):
        yield "".join(piece.text for piece in writer.pieces(rng))
        if number % 8 == 0:
            yield draw_verdict(rng, "train", balanced=False).text
    yield from (chat_template(), " ".join(wording.FILLER_WORDS))
    yield from (*wording.VERIFY_HINTS, *wording.PYTHON_HINTS, *wording.SEARCH_HINTS, *wording.CLOSINGS, *wording.PROBES)
