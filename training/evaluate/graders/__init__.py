r"""Graders: whether a response gives the known answer. One that gives none that can be read is wrong, never a guess.

| name | right if |
|---|---|
| `exact` | the stated answer is the known one, but for case, white space and a final full stop |
| `boxed_exact` | the last \boxed{…} is the known answer, letter for letter |
| `numeric` | its number is the known one, within a tolerance; units, percent, thousands separators are read |
| `math` | it is mathematically the same (math-verify) |
| `choice` | the letter or the text of the right option |
| `unit_tests` | the code passes the question's tests, run in the sandbox |
| `judge` | another model says so |

To add one, write a class with `open` (base.py), or a function `(content, answer) -> bool`, plain or async, and name it
by its dotted path. Parameters follow as JSON: `numeric={"relative": 0.01}`.
"""

from .base import Grade, Grader, Grading
from .loading import GRADERS, load_grader

__all__ = ["GRADERS", "Grade", "Grader", "Grading", "load_grader"]
