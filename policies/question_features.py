"""What can be counted in a question in well under a millisecond: the features of rules, and of what is learned later."""

from __future__ import annotations

import re

_ENDS = 1000
"""Characters looked at from each end: a pasted document must not make the decision slow."""
_PATTERNS = {
    "words": re.compile(r"[^\W\d_]+"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
    "digits": re.compile(r"\d"),
    "operators": re.compile(r"[+*/^=×÷√∑∫]|(?<=[\d)\s])[-−](?=[\d(\s])"),  # noqa: RUF001  the minus sign is meant
    "operations": re.compile(
        r"\b(?:plus|minus|times|add(?:ed|s|ing)?|subtract(?:ed|s|ing)?|multipl(?:y|ied|ies)|divided?|increased?|decreased?"
        r"|raised?|lower(?:ed)?|double[ds]?|half|halve[ds]?|twice|triple[ds]?|sum|product|difference|remainder|percent"
        r"|squared?|take away|scaled?)\b",
        re.IGNORECASE,
    ),
    "clauses": re.compile(r"[.;:!?,]\s|[.;:!?]$|\b(?:and|then|but|if|because|which|that|when|while)\b", re.IGNORECASE),
    "questions": re.compile(r"\?"),
    "reasoning_words": re.compile(
        r"\b(?:prove|proof|derive|deduce|why|how many|how much|optimal|minimi[sz]e|maximi[sz]e"
        r"|probability|algorithm|debug|compare|plan|strategy)\b",
        re.IGNORECASE,
    ),
    "code": re.compile(r"```|\bdef |\bclass |[{};]\s*$", re.MULTILINE),
}


def question_features(text: str) -> dict[str, float]:
    """Counts by name; of a text of more than 2,000 characters only both ends are looked at.

    Example: "Start with 7, add 5." has 2 numbers, 2 digits, 1 operation, 3 words, 20 characters.
    """
    seen = text if len(text) <= 2 * _ENDS else f"{text[:_ENDS]}\n{text[-_ENDS:]}"
    counts = {name: float(sum(1 for _ in pattern.finditer(seen))) for name, pattern in _PATTERNS.items()}
    return {"characters": float(len(text)), **counts}
