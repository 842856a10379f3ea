r"""Readers of question files: from a line's JSON object to a question. One file per form.

| name | fields | sent |
|---|---|---|
| `flyball` | id, question, answer; difficulty, grader, choices, code | the question as it stands |
| `gsm8k` | question, answer that ends in "#### 72" | with a line that asks for \boxed{} |
| `math` | problem, solution with \boxed{} or answer; level, type | the same |
| `aime` | problem or question, answer, year or ID | the same |
| `gpqa` | Question, Correct Answer, Incorrect Answer 1 to 3 | with the options, shuffled by the run's seed and the id |
| `humaneval` | prompt, test, entry_point | with a line that asks for the whole function |
| `mbpp` | text or prompt, test_list | with its tests' first one |

Which one fits is found out from the fields of the first line; to add one, write a file with `fits` and `read`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from ....core.errors import ConfigError
from ..questions import Question

Reader = Callable[[Mapping[str, object], int, int], Question]
"""From a record, its line's number and the run's seed to a question. Errors: ConfigError for fields that do not fit."""

READERS = {
    name: f"{__name__}.{module}"
    for name, module in {
        "gpqa": "gpqa",
        "humaneval": "humaneval",
        "mbpp": "mbpp",
        "aime": "aime",
        "math": "mathematics",
        "gsm8k": "gsm8k",
        "flyball": "ours",
    }.items()
}
"""Name -> module, the most particular fields first."""


def detect(record: Mapping[str, object]) -> str:
    """The name of the first reader whose `fits` takes the record. Errors: ConfigError, which names the fields."""
    for name, module in READERS.items():
        if importlib.import_module(module).fits(record):
            return name
    raise ConfigError(
        f"no form of questions is known with the fields {', '.join(record) or '(none)'}; known: {', '.join(READERS)}"
    )


def load_reader(name: str) -> Reader:
    """A reader by its name or the dotted path of its module. Errors: ConfigError."""
    try:
        reader: Reader = importlib.import_module(READERS.get(name, name)).read
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"there is no reader {name!r}; known: {', '.join(READERS)}, or a dotted path") from error
    return reader
