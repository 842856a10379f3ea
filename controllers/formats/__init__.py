"""Chat formats: how each model family marks thinking, calls and results. `load_format` picks one.

To add a family: a module with its `FamilyData` and a subclass of `TokenizerFormat` (code only where the data do not
reach), and a line in `registry.FORMATS`.
"""

from .registry import FORMATS, load_format

__all__ = ["FORMATS", "load_format"]
