"""What a cell gives back, on every tier that holds here."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flyball.tools.sandbox import Sandbox, Session, Status, Tier

from .conftest import CONFIG

# -- values and variables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("6 * 7", "42"),
        ("x = 1", None),
        ("None", None),
        ("", None),
        ("# nothing", None),
        ("x = [1]\nx.append(2)\nx", "[1, 2]"),
        ("'a\\n'", "'a\\n'"),
        ("if True:\n    5", None),
        ("1; 2", "2"),
        ("'\\ud800'", "'\\ud800'"),
    ],
)
async def test_the_value_of_the_last_expression_is_shown(session: Session, code: str, value: str | None) -> None:
    """As in a notebook: None and statements show nothing."""
    result = await session.run(code)

    assert result.status is Status.OK
    assert result.value == value
    assert result.error is None


async def test_variables_and_functions_are_there_for_the_next_cell(session: Session) -> None:
    await session.run("import math\ndef area(r):\n    return math.floor(math.pi * r * r)")

    assert (await session.run("area(10)")).value == "314"
    assert (await session.run("_ + 1")).value == "315"


async def test_an_error_leaves_the_variables(session: Session) -> None:
    await session.run("x = 1")
    failed = await session.run("x = 2\nx / 0")

    assert failed.status is Status.USER_ERROR
    assert failed.error is not None
    assert failed.error.endswith("ZeroDivisionError: division by zero\n")
    assert 'File "<cell 2>", line 2' in failed.error
    assert "repl.py" not in failed.error
    assert (await session.run("x")).value == "2"


async def test_the_traceback_shows_the_lines_of_earlier_cells(session: Session) -> None:
    await session.run("def fail():\n    raise ValueError('of its own')")
    failed = await session.run("fail()")

    assert failed.error is not None
    assert "raise ValueError('of its own')" in failed.error


async def test_wrong_syntax_is_an_error_of_the_cell(session: Session) -> None:
    result = await session.run("1 +")

    assert result.status is Status.USER_ERROR
    assert result.error is not None
    assert "SyntaxError" in result.error


async def test_classes_of_a_cell_can_be_pickled(session: Session) -> None:
    code = "import pickle\nclass Point:\n    x = 3\npickle.loads(pickle.dumps(Point())).x"
    assert (await session.run(code)).value == "3"


async def test_preloaded_modules_are_there_and_others_can_be_imported(session: Session) -> None:
    code = "import sys\nloaded = 'numpy' in sys.modules\nimport colorsys, sqlite3\nloaded"
    assert (await session.run(code)).value == "True"


async def test_nothing_that_only_the_host_needs_is_loaded(sandbox: Sandbox) -> None:
    """Each library that is mapped makes every fork longer."""
    async with Sandbox(sandbox.tier, type(CONFIG)(preload=())) as bare:
        loaded = await (await bare.create()).run("import sys\n{*sys.modules} & {'asyncio', 'msgspec', 'ssl'}")
    assert loaded.value == "set()"


async def test_a_module_that_is_not_installed_is_skipped_and_named() -> None:
    async with Sandbox(Tier.A, type(CONFIG)(preload=("no_such_module", "json"))) as sandbox:
        assert sandbox.missing == ("no_such_module",)


async def test_two_sessions_draw_different_random_numbers(sandbox: Sandbox, session: Session) -> None:
    """numpy's generator would otherwise be the same in every fork of the zygote."""
    other = await sandbox.create()
    drawn = [await each.run("import numpy, random\nnumpy.random.rand(), random.random()") for each in (session, other)]
    await other.close()

    assert drawn[0].value != drawn[1].value


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nasyncio.run(asyncio.sleep(0, 5))",
        "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\n5",
        "import zoneinfo\nzoneinfo.ZoneInfo('Europe/Berlin')\n5",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select 5').fetchone()[0]",
        "import numpy\nint(numpy.linalg.matrix_rank(numpy.eye(5)))",
        "from concurrent.futures import ThreadPoolExecutor\nsum(ThreadPoolExecutor(4).map(int, '113'))",
        "import inspect\ndef f(): return 5\nlen(inspect.getsource(f)) - 13",
    ],
)
async def test_honest_code_of_many_kinds_works(session: Session, code: str) -> None:
    result = await session.run(code)
    assert result.value == "5", result.error


async def test_the_working_directory_is_writable_and_its_own(sandbox: Sandbox, session: Session) -> None:
    if sandbox.tier is not Tier.A:
        pytest.skip("only tier A bounds what is written")
    code = "import os, tempfile\nopen('a', 'w').write('mine')\ntempfile.TemporaryFile().write(b'x')\nos.listdir()"
    other = await sandbox.create()

    assert (await session.run(code)).value == "['a']"
    assert (await other.run("import os; os.listdir()")).value == "[]"
    await other.close()


# -- output -----------------------------------------------------------------------------------------------------------


async def test_both_streams_come_back_apart(session: Session) -> None:
    result = await session.run(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.stdout.buffer.write(b'raw')"
    )

    assert result.stdout == "out\nraw"
    assert result.stderr == "err\n"


async def test_output_is_streamed_while_the_cell_runs(session: Session) -> None:
    """The cell ends only by its deadline, so what came first came before its end."""
    seen: list[tuple[str, str]] = []
    result = await session.run("print('first')\nwhile True: pass", 0.3, lambda *piece: seen.append(piece))

    assert seen == [("stdout", "first\n")]
    assert result.stdout == "first\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_of_much_output_the_middle_is_cut_out(session: Session, stream: str) -> None:
    code = f"import sys\nfor n in range(100_000): print(f'{{n:06}}', file=sys.{stream})"
    text = getattr(await session.run(code), stream)

    assert text.startswith("000000\n000001\n")
    assert text.endswith("099999\n")
    assert "[... 698000 characters cut ...]" in text
    assert len(text) < 2100


async def test_output_in_one_piece_is_cut_too(session: Session) -> None:
    result = await session.run("print('a' * 10**7, end='')\nprint('\\u20ac' * 3000, end='')")

    assert result.stdout.startswith("a" * 1000 + "\n[... ")
    assert result.stdout.endswith("\u20ac" * 1000)


async def test_a_long_value_and_a_long_error_are_cut(session: Session) -> None:
    value = await session.run("'x' * 10**6")
    error = await session.run("raise ValueError('x' * 10**6)")

    assert value.value is not None
    assert error.error is not None
    assert len(value.value) < 1100
    assert len(error.error) < 1100
    assert "characters cut" in value.value


async def test_what_the_process_writes_itself_goes_nowhere(session: Session) -> None:
    result = await session.run("import os\nfor _ in range(1000): os.write(1, b'x' * 65536), os.write(2, b'x')")
    assert (result.status, result.stdout, result.stderr) == (Status.OK, "", "")


async def test_a_cell_that_closes_its_output_does_not_silence_the_next(session: Session) -> None:
    await session.run("import sys\nsys.stdout.close()\nsys.stderr = None")
    assert (await session.run("print('heard')")).stdout == "heard\n"


async def test_what_a_thread_prints_after_its_cell_is_in_no_result(session: Session) -> None:
    code = "import threading\nlater = threading.Event()\n"
    code += "t = threading.Thread(target=lambda: (later.wait(), print('late')))\nt.start()"
    await session.run(code)
    result = await session.run("1")

    assert result.stdout == ""
    assert (await session.run("later.set()\nt.join()")).stdout == "late\n"


# -- pictures ---------------------------------------------------------------------------------------------------------


async def test_a_figure_comes_back_as_png_once(session: Session) -> None:
    result = await session.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('drawn')")

    assert result.stdout == "drawn\n"
    assert [image[:8] for image in result.images] == [b"\x89PNG\r\n\x1a\n"]
    assert (await session.run("1")).images == ()


async def test_pictures_beyond_the_limit_are_left_out(session: Session) -> None:
    code = "import matplotlib.pyplot as plt\nfor _ in range(5): plt.figure(figsize=(1, 1))"
    assert len((await session.run(code)).images) == CONFIG.limits.images


# -- deadlines --------------------------------------------------------------------------------------------------------


async def test_a_cell_past_its_deadline_is_interrupted_and_the_variables_stay(session: Session) -> None:
    await session.run("x = 1")
    late = await session.run("x = 2\nwhile True: pass", timeout=0.2)

    assert late.status is Status.TIMEOUT
    assert not late.session_lost
    assert late.error == "stopped after 0.2 s"
    assert (await session.run("x")).value == "2"


async def test_cells_of_one_session_run_one_after_the_other(session: Session) -> None:
    await session.run("log = []")
    await asyncio.gather(*(session.run(f"log.append({n})\nlog.append({n})") for n in range(20)))

    assert (await session.run("log == sorted(log), len(log)")).value == "(True, 40)"


async def test_sessions_run_at_the_same_time(sandbox: Sandbox) -> None:
    """Each waits for what the other prints, which only the host can pass on."""
    one, two = await sandbox.create(), await sandbox.create()
    printed = asyncio.Event()
    waiting = asyncio.create_task(one.run("import time\nwhile True: time.sleep(0.01)", 20, lambda *_: None))
    result = await two.run("print('beside')", 20, lambda *_: printed.set())
    waiting.cancel()
    await asyncio.wait([waiting])
    await two.close()

    assert printed.is_set()
    assert result.stdout == "beside\n"
    assert not one.alive


async def test_a_listener_that_raises_ends_the_session(session: Session) -> None:
    def listen(stream: str, text: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await session.run("print(1)\nwhile True: pass", 60, listen)

    assert not session.alive


async def test_code_that_is_too_long_is_refused_and_costs_nothing(session: Session) -> None:
    result = await session.run("#" * (1 << 20) + "\n")

    assert result.status is Status.USER_ERROR
    assert "longer than" in (result.error or "")
    assert (await session.run("1 + 1")).value == "2"


async def test_a_figure_of_too_many_points_is_left_out(sandbox: Sandbox) -> None:
    code = "import matplotlib.pyplot as p\np.figure(figsize=(60, 4), dpi=100)\np.gcf().add_axes((0, 0, 1, 1))\nNone"
    small = replace(sandbox.config, limits=replace(sandbox.config.limits, image_pixels=2_000_000))
    async with Sandbox(sandbox.tier, small) as limited:
        result = await (await limited.create()).run(code, 60)

    assert (result.status, result.images) == (Status.OK, ())
