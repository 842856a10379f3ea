"""Runs the few lines of Python that a pocket model writes. Model-written code is hostile: nothing of it reaches Python.

The language: integers, names, `+ - * // %`, parentheses, assignments to one name, and `print`. All else is an error
that the model is told."""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping

MAX_CODE, MAX_OUTPUT = 2000, 2000
"""Characters."""
MAX_DEPTH = 50
"""Of nested expressions."""
MAX_BITS = 1024
"""Of any integer."""

_CHARACTERS = re.compile(r"[A-Za-z0-9_\s()+\-*/%=,]*")
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[int], int]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}


class _Refused(Exception):
    """The code leaves the language; the message is for the model."""


def run_python(code: str) -> str:
    """What the code prints, without the last line break, or `Error: ...`.

    Example: `run_python("x = 7\\nx = (x + 5) % 10\\nprint(x)") == "2"`; `run_python("import os")` is an error."""
    try:
        output = "\n".join(_run(_parse(code)))
    except _Refused as refused:
        return f"Error: {refused}"
    return output if len(output) <= MAX_OUTPUT else "Error: the output is too long"


def _parse(code: str) -> list[ast.stmt]:
    if len(code) > MAX_CODE:
        raise _Refused("the code is too long")
    if not _CHARACTERS.fullmatch(code):
        raise _Refused("only integers, names, + - * // %, assignments and print run here")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser warns about odd code
            return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deeply for the parser
        raise _Refused("SyntaxError: invalid syntax") from None


def _run(statements: list[ast.stmt]) -> Iterator[str]:
    values: dict[str, int] = {}
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name != "print":
                values[name] = _evaluate(value, values)
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=args, keywords=[])):
                yield " ".join(str(_evaluate(argument, values)) for argument in args)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name not in values:
                raise _Refused(f"NameError: name '{name[:50]}' is not defined")
            case _:
                raise _Refused("only assignments to a name and print run here")


def _evaluate(node: ast.expr, values: Mapping[str, int], depth: int = 0) -> int:
    if depth > MAX_DEPTH:
        raise _Refused("the expression is nested too deeply")
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return _bounded(value)
        case ast.Name(id=name):
            if name not in values:
                raise _Refused(f"NameError: name '{name[:50]}' is not defined")
            return values[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_evaluate(operand, values, depth + 1))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _apply(sign, _evaluate(left, values, depth + 1), _evaluate(right, values, depth + 1))
    raise _Refused("only integer expressions with + - * // % run here")


def _apply(sign: ast.operator, left: int, right: int) -> int:
    try:
        return _bounded(_OPERATORS[type(sign)](left, right))
    except ZeroDivisionError:
        raise _Refused("ZeroDivisionError: division by zero") from None


def _bounded(value: int) -> int:
    """Operands are bounded, so that no single operation makes much more than twice their bits."""
    if value.bit_length() > MAX_BITS:
        raise _Refused("the number is too long")
    return value
