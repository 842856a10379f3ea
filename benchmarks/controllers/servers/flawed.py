"""A tool `python` that fails in three calls of ten, so that methods which repair calls have something to repair.

The pocket model's own code fails too seldom. It only computes what the model writes for long numbers: print(12*34+5).
"""

import ast
import operator
import random

from flyball.core.errors import ToolError
from flyball.tools.marks import tool

SHARE = 0.3
_DRAWN = random.Random(0)
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


@tool(name="python")
def flawed_python(code: str) -> str:
    """Runs Python code, and shows what it prints."""
    if _DRAWN.random() < SHARE:
        raise ToolError("NameError: name 'prin' is not defined")
    return printed(code)


def printed(code: str) -> str:
    """What a print of a sum or product of whole numbers prints. Errors: ToolError for any other code."""
    try:
        match ast.parse(code).body:
            case [ast.Expr(ast.Call(ast.Name("print"), [value], []))]:
                return str(_value(value))
    except (SyntaxError, RecursionError) as error:
        raise ToolError(f"{type(error).__name__}: {error}") from None
    raise ToolError("SyntaxError: only print(…) of sums and products is understood")


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(int() as number):
            return number
        case ast.BinOp(left, operation, right) if type(operation) in _OPERATORS:
            return int(_OPERATORS[type(operation)](_value(left), _value(right)))
    raise ToolError("TypeError: only whole numbers are added, subtracted and multiplied")
