"""Model-written Python: what the pocket models write runs, and nothing else does."""

from random import Random

import pytest

from flyball.training.pocket.reasoner.problems import BigProblem, ChainProblem
from flyball.training.pocket.report.interpreter import MAX_BITS, MAX_CODE, MAX_DEPTH, run_python
from flyball.training.pocket.world.big import Big, ask_big
from flyball.training.pocket.world.chain import Chain, Operation, ask_chain


def test_the_code_of_a_chain_prints_its_answer() -> None:
    chain = Chain(7, (Operation("+", 5), Operation("*", 3), Operation("-", 8)))
    code = ChainProblem.of(ask_chain(Random(0), chain)).code
    assert code is not None
    assert run_python(code) == "8"


def test_the_code_of_a_big_number_prints_its_answer() -> None:
    code = BigProblem(ask_big(Random(0), Big("product_sum", (4821, 397, 55210)))).code
    assert code is not None
    assert run_python(code) == "1969147"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("", ""),
        ("print()", ""),
        ("print(1)\nprint(2, 3)", "1\n2 3"),
        ("x = (3 - 7) % 10\nprint(x)", "6"),
        ("print(-7 // 2, +3)", "-4 3"),
        ("a = 2\nb = a * a\nprint(b + a)", "6"),
    ],
)
def test_integers_names_and_print_mean_what_they_mean_in_python(code: str, output: str) -> None:
    assert run_python(code) == output


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "__import__('os').system('true')",
        "print(__builtins__)",
        "print(open)",
        "().__class__.__bases__",
        "print((1).__class__)",
        "eval(1)",
        "exec(1)",
        "print(lambda: 1)",
        "print([1])",
        "print({1})",
        "print(f'{1}')",
        "print('1')",
        "print(1.5)",
        "print(1e5)",
        "print(1j)",
        "print(True)",
        "print(None)",
        "print(1 / 1)",
        "print(2 ** 9)",
        "print(1 << 9)",
        "print(1 == 1)",
        "print(1 if 1 else 2)",
        "print(1if 1else 2)",
        "print(x := 1)",
        "print(*(1, 2))",
        "print(1, end=2)",
        "print(print(1))",
        "print = 1",
        "x = y = 1",
        "x, y = 1, 2",
        "x += 1",
        "x: int = 1",
        "x = print",
        "while 1: print(1)",
        "def f(): return 1",
        "print(0777)",
        "print(1",
        "print(\x001)",
        "print(١)",  # noqa: RUF001  # a digit of another script
        "del x",
        "1",
    ],
)
def test_all_else_is_refused_with_an_error_that_the_model_can_read(code: str) -> None:
    assert run_python(code).startswith("Error: ")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("prin(1)", "Error: NameError: name 'prin' is not defined"),
        ("print(x)", "Error: NameError: name 'x' is not defined"),
        ("print(1 // 0)", "Error: ZeroDivisionError: division by zero"),
        ("print(1 % 0)", "Error: ZeroDivisionError: division by zero"),
    ],
)
def test_common_mistakes_have_the_messages_of_python(code: str, error: str) -> None:
    assert run_python(code) == error


@pytest.mark.parametrize(
    "code",
    [
        "x = 99999999\n" + "x = x * x\n" * 60 + "print(x)",
        "print(" + "9" * (MAX_CODE - 10) + ")",
        "print(" + "-" * (MAX_DEPTH + 2) + "1)",
        "print(" + "-" * (MAX_CODE - 10) + "1)",
        "(" * (MAX_CODE // 2) + ")" * (MAX_CODE // 2),
        "print(" + "1+" * 900 + "1)",
        "#" * (MAX_CODE + 1),
        "x = 0\n" * MAX_CODE,
    ],
)
def test_code_that_would_grow_without_bounds_is_refused(code: str) -> None:
    assert run_python(code).startswith("Error: ")


def test_output_is_bounded() -> None:
    number = str(2 ** (MAX_BITS - 1))
    assert run_python(f"x = {number}\n" + "print(x)\n" * 20) == "Error: the output is too long"
