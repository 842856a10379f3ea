"""Modules that the zygote loads once, so that every session finds them ready and shares their memory."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any


def preload(names: Iterable[str]) -> list[str]:
    """Imports the modules and has each do a little work, as many load the rest of themselves at their first use.

    Returns those that could not be loaded, which are skipped.
    """
    missing = []
    for name in names:
        try:
            module = importlib.import_module(name)
            if name in _FIRST_WORK:
                _FIRST_WORK[name](module)
        except Exception:  # noqa: BLE001  # other people's modules: whatever keeps one from loading, it is named and skipped
            missing.append(name)
    return missing


def reseed() -> None:
    """Gives this session random numbers of its own: numpy's would be the same in every child of the zygote."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))  # by itself it would take four times as long


def _use_numpy(numpy: Any) -> None:
    numpy.linalg.eig(numpy.eye(4) + numpy.random.rand(4, 4))


def _use_sympy(sympy: Any) -> None:
    x = sympy.Symbol("x")
    sympy.solve(sympy.integrate(sympy.sin(x) * x, x).diff(x) - x, x)
    str(sympy.latex(sympy.simplify(x / x**2)))


def _use_pyplot(pyplot: Any) -> None:
    pyplot.plot([1, 2], label="warm")
    pyplot.legend()
    pyplot.savefig(io.BytesIO())
    pyplot.close("all")


_FIRST_WORK: dict[str, Callable[[Any], None]] = {
    "numpy": _use_numpy,
    "sympy": _use_sympy,
    "matplotlib.pyplot": _use_pyplot,
}
