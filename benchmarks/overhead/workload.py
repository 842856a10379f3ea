"""The requests: the same texts for every arm, each a chat of one message with a fixed number of tokens to answer."""

import json
import random
from collections.abc import Mapping
from typing import Any

from .settings import SERVED_NAME, Settings

_WORDS = (
    "the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not"
)


def bodies(settings: Settings, extra: Mapping[str, Any], count: int, *, streaming: bool, salt: str) -> list[bytes]:
    """`count` request bodies.

    The texts depend on the seed alone. A number of fixed width, drawn from the salt, opens each of them: it keeps one arm
    from finding in the prefix cache what another arm, or an earlier repeat, has put there.
    """
    known = _WORDS.split()
    texts, openings = random.Random(settings.seed), random.Random(salt)
    answer = {"max_tokens": settings.tokens, "temperature": 0.0, **extra}
    if streaming:
        answer |= {"stream": True, "stream_options": {"include_usage": True}}
    made = []
    for _ in range(count):
        words = " ".join(texts.choice(known) for _ in range(settings.prompt_words))
        message = {"role": "user", "content": f"{openings.randrange(10**8):08d} {words}"}
        made.append(json.dumps({"model": SERVED_NAME, "messages": [message], **answer}).encode())
    return made
