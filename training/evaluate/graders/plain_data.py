"""Plain data written as Python source: what may pass between the process of the code and that of the tests."""

from __future__ import annotations

import ast
import warnings

MOST = 200_000
"""Characters."""
NAMES = "inf, nan = float('inf'), float('nan')\n"
"""What the source may name besides literals."""


def is_plain(source: str) -> bool:
    """Whether this is one literal: numbers (inf and nan too), texts, bytes, None, and containers of them.

    Example: "[1, -inf, {'a': (2,)}, set()]" is; "f(1)" and "x" are not.
    """
    if len(source) > MOST:
        return False
    match parsed(source):
        case ast.Module(body=[ast.Expr(value=value)]):
            return _plain(value)
    return False


def parsed(source: str) -> ast.Module | None:
    """Python source as a tree, None if it is none; what it would warn of is its author's business."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _plain(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant(value=value):
            return value is not Ellipsis
        case ast.Name(id=name):
            return name in ("inf", "nan")
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(map(_plain, parts))
        case ast.Dict(keys=keys, values=values):
            return all(map(_plain, [*keys, *values]))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _plain(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=complex())):
            return _plain(left)
        case ast.Call(func=ast.Name(id="set" | "frozenset"), args=parts, keywords=[]):
            return len(parts) <= 1 and all(map(_plain, parts))
    return False
