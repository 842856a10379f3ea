"""The filter of system calls, run as the kernel would run it, for both machines; this one need be neither."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from flyball.tools.sandbox.jail import seccomp, syscalls

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
OWN_PID = 17
NOT_IN_TABLES = {
    "x86_64": {"execve": 59, "ptrace": 101, "socket": 41, "sendmsg": 46, "memfd_create": 319, "unshare": 272},
    "aarch64": {"execve": 221, "ptrace": 117, "socket": 198, "sendmsg": 211, "memfd_create": 279, "unshare": 97},
}


def verdict(program: seccomp.Program, machine: int, number: int, *arguments: int) -> int:
    """What the kernel would do with a call."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *(*arguments, *[0] * 6)[:6])
    at, value = 0, 0
    while True:
        code, if_true, if_false, operand = struct.unpack("HBBI", program[at])
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += if_true if holds else if_false


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setattr(platform, "machine", lambda: name)
    return name


CASES = [
    ("read", (0,), ALLOWED),
    ("openat", (0, 0, 0o2), ALLOWED),
    ("kill", (OWN_PID, 9), ALLOWED),
    ("kill", (OWN_PID + 1, 9), REFUSED),
    ("kill", (2**32 - 1, 9), REFUSED),
    ("tgkill", (1, OWN_PID, 9), REFUSED),
    ("clone", (0x003D0F00,), ALLOWED),
    ("clone", (17,), REFUSED),
    ("clone3", (), 0x00050000 | errno.ENOSYS),
    ("prctl", (15,), ALLOWED),
    ("prctl", (1,), REFUSED),
    ("socketpair", (1,), ALLOWED),
    ("socketpair", (2,), REFUSED),
    ("sendto", (3, 1, 1, 0, 0), ALLOWED),
    ("sendto", (3, 1, 1, 0, 1), REFUSED),
    ("sendto", (3, 1, 1, 0, 1 << 32), REFUSED),
    ("fcntl", (3, 4), ALLOWED),
    ("fcntl", (3, 8), REFUSED),
    ("ioctl", (0, 0x5401), ALLOWED),
    ("ioctl", (0, 0x5412), REFUSED),
    ("prlimit64", (0,), ALLOWED),
    ("prlimit64", (1,), REFUSED),
    ("pivot_root", (), REFUSED),
    ("landlock_restrict_self", (), REFUSED),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
@pytest.mark.parametrize("own_folder", [True, False])
def test_a_call_is_judged_by_its_number_and_arguments(
    machine: str, own_folder: bool, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    program = seccomp.allow_list(OWN_PID, own_folder)
    assert verdict(program, MACHINES[machine], syscalls.numbers()[name], *arguments) == expected


def test_a_call_that_no_table_names_is_refused(machine: str) -> None:
    program = seccomp.allow_list(OWN_PID, True)
    for number in (*NOT_IN_TABLES[machine].values(), 999):
        assert verdict(program, MACHINES[machine], number) == REFUSED


def test_files_are_changed_only_where_the_session_has_a_folder(machine: str) -> None:
    for own_folder, expected in ((True, ALLOWED), (False, REFUSED)):
        program = seccomp.allow_list(OWN_PID, own_folder)
        numbers = syscalls.numbers()
        changing = [numbers[name] for name in syscalls.WRITING if name in numbers]
        assert {verdict(program, MACHINES[machine], number) for number in changing} == {expected}


def test_a_call_in_the_manner_of_another_machine_kills(machine: str) -> None:
    program = seccomp.allow_list(OWN_PID, True)
    assert verdict(program, 0x40000003, 0) == KILLED
    if machine == "x86_64":
        assert verdict(program, MACHINES[machine], 0x40000000) == KILLED


def test_every_allowed_call_has_a_number_on_x86_64() -> None:
    """On aarch64 the older forms of some calls are missing."""
    assert {*syscalls.ALLOWED, *syscalls.WRITING} <= set(syscalls.X86_64)
    assert len(set(syscalls.X86_64.values())) == len(syscalls.X86_64)
    assert len(set(syscalls.AARCH64.values())) == len(syscalls.AARCH64)
    assert set(syscalls.AARCH64) < set(syscalls.X86_64)


def test_a_machine_without_a_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="no table of system calls for riscv64"):
        syscalls.numbers()


@pytest.mark.parametrize("own_folder", [True, False])
def test_of_all_numbers_those_of_the_list_and_no_others_are_allowed(machine: str, own_folder: bool) -> None:
    """Arguments of 2**32 - 1 are none that a filter lets through."""
    numbers = syscalls.numbers()
    program = seccomp.allow_list(OWN_PID, own_folder)
    wrong = [2**32 - 1] * 6
    allowed = {number for number in range(1000) if verdict(program, MACHINES[machine], number, *wrong) == ALLOWED}

    names = (*syscalls.ALLOWED, *(syscalls.WRITING if own_folder else ()))
    assert allowed == {numbers[name] for name in names if name in numbers} | {numbers["clone"]}
