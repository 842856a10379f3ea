"""What code in a session may try, and by what it is stopped."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from flyball.tools.sandbox import CellResult, Tier

REFUSED = r"PermissionError: \[Errno 1\]"  # by seccomp
NO_FILE = r"FileNotFoundError|PermissionError|NotADirectoryError"  # by the mounts, or by Landlock
TIMEOUT = 0.3

PRELUDE = """
import ctypes, gc, json, mmap, os, re, resource, signal, socket, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def checked(returned):
    if returned < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return returned

def call(number, *arguments):
    return checked(libc.syscall(ctypes.c_long(number), *arguments))

def connection():
    found = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket) and thing.fileno() >= 0]
    return found[0] if found else socket.socket(fileno=next(fd for fd in range(3, 40) if is_socket(fd)))

def is_socket(fd):
    try:
        os.fstat(fd)
        return os.path.stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False

def machine_code(code):
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))

def picture(width, height):
    return b"\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\rIHDR" + struct.pack(">II", width, height) + bytes(9)

def done_with_pictures(*pictures):
    import base64
    rest = {"cut": 0, "tail": ""}
    return framed({"type": "done", "id": current()["id"], "nonce": current()["nonce"], "status": "ok", "value": None,
                   "error": None, "images": [base64.b64encode(p).decode() for p in pictures], "stdout": rest,
                   "stderr": rest})

def current():
    frame = sys._getframe()
    while frame is not None:
        if "request" in frame.f_locals and "self" in frame.f_locals:
            return frame.f_locals["request"]
        frame = frame.f_back

def framed(message):
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body

def done(id, nonce, value="FORGED"):
    rest = {"cut": 0, "tail": ""}
    return framed({"type": "done", "id": id, "nonce": nonce, "status": "ok", "value": value, "error": None,
                   "images": [], "stdout": rest, "stderr": rest})
"""


@dataclass(frozen=True)
class Attack:
    """One attack: after the prelude its code runs, with `{canary}` and the like filled in."""

    name: str
    code: str
    error: str = ""
    """Pattern of the error by which it is stopped."""
    value: str | None = None
    """Or: the value by which it says that it got nothing."""
    status: str = "user_error"
    tiers: tuple[Tier, ...] = tuple(Tier)
    lost: bool = False
    """Whether its session ends with it."""
    timeout: float = 20.0

    def __str__(self) -> str:
        return self.name


def seen(result: CellResult) -> str:
    """All that came back, for the message of a failed test."""
    return f"{result.status} {result.value} {result.error} {result.stdout[-500:]}"


FILES = [
    Attack("reads a file of the system", "open('/etc/passwd').read()", NO_FILE),
    Attack("reads a file of the host", "open({canary!r}).read()", NO_FILE),
    Attack("lists a folder of the host", "os.listdir(os.path.dirname({canary!r}))", NO_FILE),
    Attack("lists the root", "os.listdir('/')", NO_FILE),
    Attack("asks for the size of a file of the host", "os.stat({canary!r})", NO_FILE, tiers=(Tier.A, Tier.BUBBLEWRAP)),
    Attack("appends to a file of the host", "open({canary!r}, 'a')", NO_FILE),
    Attack("writes beside a file of the host", "open({canary!r} + '2', 'w')", NO_FILE),
    Attack("removes a file of the host", "os.remove({canary!r})", NO_FILE),
    Attack("truncates a file of the host", "os.truncate({canary!r}, 0)", NO_FILE),
    Attack("changes the mode of a file of the host", "os.chmod({canary!r}, 0o600)", NO_FILE),
    Attack("changes the times of a file of the host", "os.utime({canary!r}, (1, 1))", NO_FILE),
    Attack("changes the owner of a file of the host", "os.chown({canary!r}, -1, -1)", NO_FILE),
    Attack("sets an attribute of a file of the host", "os.setxattr({canary!r}, 'user.x', b'x')", NO_FILE),
    Attack("changes the mode of a library", "os.chmod(os.__file__, 0o600)", "PermissionError|OSError"),
    Attack(
        "changes the mode of an open library", "os.fchmod(os.open(os.__file__, 0), 0o600)", "PermissionError|OSError"
    ),
    Attack("truncates by opening", "os.open({canary!r}, os.O_TRUNC)", NO_FILE),
    Attack("renames a file of the host", "os.rename({canary!r}, {canary!r} + '2')", NO_FILE),
    Attack("reads a file of the host with numpy", "import numpy\nnumpy.fromfile({canary!r})", NO_FILE),
    Attack("reads through a link", "os.symlink({canary!r}, 'link')\nopen('link').read()", NO_FILE),
    Attack("reads through a hard link", "os.link({canary!r}, 'link')\nopen('link').read()", NO_FILE + "|OSError"),
    Attack("reads through the root in /proc", "open('/proc/1/root' + {canary!r}).read()", NO_FILE),
    Attack("reads its environment in /proc", "open('/proc/self/environ').read()", NO_FILE),
    Attack("reads the server's environment in /proc", "open('/proc/{host_pid}/environ').read()", NO_FILE),
    Attack("reads the server's memory in /proc", "open('/proc/{host_pid}/mem', 'rb')", NO_FILE),
    Attack(
        "finds the server's key in its environment",
        "[k for k, v in os.environ.items() if {secret!r} in v]",
        "",
        "[]",
        "ok",
    ),
    Attack(
        "finds the server's key in the environment of the C library",
        "libc.getenv.restype = ctypes.c_char_p\nlibc.getenv(b'FLYBALL_TEST_SECRET')",
        "",
        None,
        "ok",
    ),
    Attack(
        "changes the libraries", "open(os.path.join(os.path.dirname(os.__file__), 'os.py'), 'a')", NO_FILE + "|OSError"
    ),
    Attack("reads the machine's memory", "open('/dev/mem', 'rb')", NO_FILE),
    Attack("opens the terminal", "open('/dev/tty', 'rb')", NO_FILE + "|OSError"),
    Attack("makes a device", "os.mknod('device', 0o600 | 0o020000, os.makedev(1, 1))", REFUSED),
    Attack("touches a device of the host", "os.utime('/dev/null')", r"\[Errno 30\]|PermissionError"),
    Attack("changes the mode of a device of the host", "os.chmod('/dev/null', 0)", r"\[Errno 30\]|PermissionError"),
    Attack(
        "locks a library",
        "import fcntl\nfcntl.lockf(open(os.__file__, 'rb'), fcntl.LOCK_SH)",
        "PermissionError",
        tiers=(Tier.BUBBLEWRAP, Tier.B),
    ),
    Attack(
        "finds a descriptor that is not its own",
        "[fd for fd in range(3, 256) if fd != connection().fileno() and is_open(fd)]",
        "",
        "[]",
        "ok",
    ),
    Attack("changes its root", "os.chroot('.')", REFUSED),
    Attack("reads another session's file", "open('/home/sandbox/bystander').read()", NO_FILE),
]

FAMILIES = {
    "AF_UNIX": 1,
    "AF_INET": 2,
    "AF_INET6": 10,
    "AF_NETLINK": 16,
    "AF_PACKET": 17,
    "AF_CAN": 29,
    "AF_BLUETOOTH": 31,
    "AF_ALG": 38,
    "AF_VSOCK": 40,
}
KINDS = {"streams": 1, "datagrams": 2, "raw packets": 3, "sequenced packets": 5}
SOCKETS = [
    *(
        Attack(f"opens a socket of {family} for {kind}", f"socket.socket({FAMILIES[family]}, {KINDS[kind]})", REFUSED)
        for family in FAMILIES
        for kind in KINDS
    ),
    Attack(
        "writes to a socket that the host has bound",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', {bound!r})",
        REFUSED,
    ),
    Attack("opens a pair of sockets of another family", "socket.socketpair(socket.AF_TIPC)", REFUSED),
    Attack("asks a web server", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}')", "URLError"),
    Attack("binds its connection", "connection().bind('\\0name')", REFUSED),
    Attack("sends a descriptor to the host", "socket.send_fds(connection(), [b'x'], [0])", REFUSED),
]

PROCESSES = [
    Attack("forks", "os.fork()", REFUSED),
    Attack("forks for ever", "while True: os.fork()", REFUSED),
    Attack("runs a program", "import subprocess\nsubprocess.run(['/usr/bin/id'])", "PermissionError|FileNotFoundError"),
    Attack("becomes a program", "os.execv(sys.executable, ['python'])", REFUSED),
    Attack("becomes the dynamic loader", "os.execv('/lib64/ld-linux-x86-64.so.2', ['x'])", REFUSED),
    Attack("spawns a program", "os.posix_spawn('/usr/bin/id', ['id'], {{}})", "PermissionError|FileNotFoundError"),
    Attack(
        "starts a process pool",
        "import multiprocessing\nmultiprocessing.Pool(2)",
        NO_FILE + "|OSError|ImportError",
    ),
    Attack(
        "starts threads for ever", "while True: threading.Thread(target=time.sleep, args=(60,)).start()", "RuntimeError"
    ),
    Attack("raises its own limits", "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "ValueError|PermissionError"),
    Attack(
        "raises the limits of the server",
        "resource.prlimit({host_pid}, resource.RLIMIT_CPU, (1, 1))",
        "PermissionError",
    ),
    Attack("signals the server", "os.kill({host_pid}, signal.SIGTERM)", REFUSED),
    Attack(
        "has the kernel signal the server",
        "import fcntl\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, {host_pid})\nfcntl.fcntl(r, 10, signal.SIGKILL)",
        REFUSED,
    ),
    Attack("enlarges a pipe", "import fcntl\nfcntl.fcntl(os.pipe()[0], 1031, 1 << 20)", REFUSED),
    Attack("signals everything", "os.kill(-1, signal.SIGKILL)", REFUSED),
    Attack("signals its group", "os.killpg(1, signal.SIGKILL)", REFUSED),
    Attack("signals another session", "os.kill({bystander_pid}, signal.SIGKILL)", REFUSED),
    Attack("asks for a handle on another process", "os.pidfd_open({bystander_pid})", REFUSED),
    Attack("lowers the rank of another process", "os.setpriority(os.PRIO_PROCESS, {host_pid}, 19)", REFUSED),
    Attack("becomes root", "os.setresuid(0, 0, 0)", REFUSED),
    Attack("leaves its working group", "os.setgroups([0])", REFUSED),
    Attack("enters another namespace", "checked(libc.setns(0, 0))", REFUSED),
    Attack("makes a user namespace", "checked(libc.unshare(0x10000000))", REFUSED),
    Attack("makes a mount namespace", "checked(libc.unshare(0x00020000))", REFUSED),
    Attack("mounts", "checked(libc.mount(b'x', b'/home/sandbox', b'tmpfs', 0, b''))", REFUSED),
    Attack("uncovers /proc", "checked(libc.umount2(b'/proc', 2))", REFUSED),
    Attack("renames the machine", "socket.sethostname('mine')", REFUSED),
    Attack("survives its parent", "checked(libc.prctl(1, 0, 0, 0, 0))", REFUSED),
    Attack("makes itself undumpable", "checked(libc.prctl(4, 0, 0, 0, 0))", REFUSED),
]

_NUMBERS = {
    # name: (x86-64, aarch64)
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "execveat": (322, 281),
    "clone": (56, 220),
    "open_by_handle_at": (304, 265),
    "openat2": (437, 437),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "mq_open": (240, 180),
    "semget": (64, 190),
    "fanotify_init": (300, 262),
    "inotify_init1": (294, 26),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "personality": (135, 92),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "clock_settime": (227, 112),
    "sched_setaffinity": (203, 122),
    "setrlimit": (160, 164),
    "vmsplice": (278, 75),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
}
_COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
KERNEL = [
    *(
        Attack(f"calls {name}", f"call({numbers[_COLUMN]}, 0, 0, 0, 0, 0)", REFUSED)
        for name, numbers in _NUMBERS.items()
    ),
    Attack("calls clone3", "call(435, 0, 0)", r"OSError: \[Errno 38\]"),
    Attack("calls what no kernel has", "call(4000, 0)", REFUSED),
]
if platform.machine() == "x86_64":
    KERNEL += [
        Attack("calls vfork", "call(58)", REFUSED),
        Attack(
            "calls through the interface of 32 bits",
            "assert machine_code(bytes.fromhex('b82a000000c3'))() == 42\nmachine_code(bytes.fromhex('b814000000cd80c3'))()",
            "Bad system call|Segmentation fault",  # the latter where the kernel has no such interface
            lost=True,
        ),
        Attack("calls through the x32 interface", "call(0x40000000 + 39)", "Bad system call", lost=True),
    ]

MEMORY = [
    Attack("takes 10 GB at once", "bytearray(10 << 30)", "MemoryError", status="oom"),
    Attack(
        "takes memory piece by piece",
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        "MemoryError",
        status="oom",
    ),
    Attack(
        "takes memory in small objects",
        "kept = []\nwhile True: kept = [kept, 1.5 * len(kept)]",
        "MemoryError",
        status="oom",
    ),
    Attack("takes memory with numpy", "import numpy\nnumpy.ones(10**9)", "MemoryError", status="oom"),
    Attack("takes shared memory", "mmap.mmap(-1, 3 << 30)", r"\[Errno 12\]"),
    Attack("doubles a text for ever", "text = 'x'\nwhile True: text += text", "MemoryError", status="oom"),
    Attack(
        "fills the disk",
        "with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))",
        r"\[Errno 2[78]\]|\[Errno 30\]|PermissionError",
    ),
    Attack(
        "fills the disk with many files",
        "for n in range(100):\n    with open(f'big{{n}}', 'wb') as file: file.write(bytes(1 << 20))",
        r"\[Errno 28\]|\[Errno 30\]|PermissionError",
    ),
    Attack(
        "makes a file with a hole",
        "os.truncate(os.open('big', 66, 0o600), 1 << 40)",
        r"\[Errno 27\]|\[Errno 30\]|PermissionError",
    ),
    Attack(
        "makes files for ever",
        "n = 0\nwhile True:\n    open(str(n), 'w').close()\n    n += 1",
        r"\[Errno 28\]|\[Errno 30\]|PermissionError",
    ),
    Attack(
        "makes folders for ever",
        "n = 0\nwhile True:\n    os.mkdir(str(n))\n    n += 1",
        r"\[Errno 28\]|\[Errno 30\]|PermissionError",
    ),
    Attack("opens files for ever", "kept = []\nwhile True: kept.append(open('/dev/null'))", r"\[Errno 24\]"),
    Attack("opens pipes for ever", "while True: os.pipe()", r"\[Errno 24\]"),
    Attack(
        "opens pairs of sockets for ever", "kept = []\nwhile True: kept.append(socket.socketpair())", r"\[Errno 24\]"
    ),
]

_HUGE = "class Huge(Exception):\n    def __str__(self): return 'x' * 10**7\n"
_LOOPING = "class Looping(Exception):\n    def __repr__(self):\n        while True: pass\n    __str__ = __repr__\n"
_STOPS = "os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass"
ENDLESS = [
    Attack("loops", "while True: pass", "stopped", status="timeout", timeout=TIMEOUT),
    Attack("sleeps", "time.sleep(1000)", "stopped", status="timeout", timeout=TIMEOUT),
    Attack(
        "loops and swallows every exception",
        "while True:\n    try:\n        while True: time.sleep(0.01)\n    except BaseException: pass",
        "variables are lost",
        status="timeout",
        lost=True,
        timeout=TIMEOUT,
    ),
    Attack(
        "ignores the interrupt",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "variables are lost",
        status="timeout",
        lost=True,
        timeout=TIMEOUT,
    ),
    Attack(
        "blocks every signal",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        "variables are lost",
        status="timeout",
        lost=True,
        timeout=TIMEOUT,
    ),
    Attack("holds the interpreter in C", "sum(range(10**12))", "lost", status="timeout", lost=True, timeout=TIMEOUT),
    Attack("computes a huge power", "len(bin(7 ** 10**8))", "stopped", status="timeout", timeout=TIMEOUT),
    Attack("matches for ever", "re.match('(a*)*b', 'a' * 40)", "stopped", status="timeout", timeout=TIMEOUT),
    Attack("loops while its value is shown", f"{_LOOPING}Looping()", "stopped", status="timeout", timeout=TIMEOUT),
    Attack("loops while its error is shown", f"{_LOOPING}raise Looping", "stopped", status="timeout", timeout=TIMEOUT),
    Attack("waits for input", "input()", "EOFError"),
    Attack(
        "stops itself",
        _STOPS,
        "variables are lost",
        status="timeout",
        tiers=(Tier.BUBBLEWRAP, Tier.B),
        lost=True,
        timeout=TIMEOUT,
    ),
    # In tier A a session is the first process of its namespace, which its own SIGSTOP does not stop.
    Attack("stops itself in vain", _STOPS, "stopped", status="timeout", tiers=(Tier.A,), timeout=TIMEOUT),
]

ENDINGS = [
    Attack("ends its process", "os._exit(0)", "status 0", lost=True),
    Attack("raises SystemExit", "sys.exit(3)", "SystemExit: 3"),
    Attack("aborts", "os.abort()", "Aborted|Segmentation fault", lost=True),
    Attack("reads address 0", "ctypes.string_at(0)", "Segmentation fault", lost=True),
    Attack("calls itself for ever", "def f(): f()\nf()", "RecursionError"),
    Attack(
        "overflows the stack",
        "sys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, n): return getattr(self, n + 'a')\nA().x",
        "Segmentation fault|MemoryError|RecursionError|ended",
        status="any",
        lost=True,
    ),
    Attack("destroys the built-in functions", "import builtins\nbuiltins.__dict__.clear()", "", None, "any"),
    Attack("raises what cannot be shown", "class E(Exception):\n    def __str__(self): raise E\nraise E", "E"),
]

FORGERIES = [
    Attack(
        "answers with a wrong nonce",
        "connection().sendall(done(current()['id'], 'x' * 16))\ntime.sleep(9)",
        "not asked",
        lost=True,
    ),
    Attack(
        "answers a cell that was not asked",
        "connection().sendall(done(77, current()['nonce']))\ntime.sleep(9)",
        "not asked",
        lost=True,
    ),
    Attack(
        "sends what is no JSON",
        "connection().sendall(struct.pack('>I', 3) + b'abc')\ntime.sleep(9)",
        "cannot be read",
        lost=True,
    ),
    Attack(
        "sends a number too long",
        "connection().sendall(framed({{'type': 'done', 'id': 10**400}}))\ntime.sleep(9)",
        "cannot be read",
        lost=True,
    ),
    Attack(
        "sends what is nested too deep",
        "body = b'{{\"type\":\"done\",\"id\":' + b'[' * 10**5\nconnection().sendall(struct.pack('>I', len(body)) + body)\ntime.sleep(9)",
        "cannot be read",
        lost=True,
    ),
    Attack(
        "claims fields that there are not",
        "connection().sendall(framed({{'type': 'ready', 'x': 1}}))\ntime.sleep(9)",
        "cannot be read",
        lost=True,
    ),
    Attack(
        "says again that it is ready",
        "connection().sendall(framed({{'type': 'ready'}}))\ntime.sleep(9)",
        "not asked",
        lost=True,
    ),
    Attack(
        "announces 4 GB", "connection().sendall(struct.pack('>I', 2**32 - 1))\ntime.sleep(9)", "announced", lost=True
    ),
    Attack(
        "floods its connection",
        "while True: connection().sendall(framed({{'type': 'output', 'id': current()['id'], 'nonce': current()['nonce'], 'stream': 'stdout', 'text': ''}}))",
        "more than a reply",
        lost=True,
    ),
    Attack(
        "closes its connection",
        "os.close(connection().fileno())\nwhile True: time.sleep(1)",
        "closed its connection",
        lost=True,
    ),
    Attack("shuts its connection down", "connection().shutdown(2)\ntime.sleep(9)", "closed its connection", lost=True),
    Attack(
        "sends too many pictures",
        "connection().sendall(done_with_pictures(*[picture(1, 1)] * 50))\ntime.sleep(9)",
        "more pictures",
        lost=True,
    ),
]

FORGERIES += [
    Attack(
        "sends a picture that is none",
        "connection().sendall(done_with_pictures(b'<svg onload=x>'))\ntime.sleep(9)",
        "no PNG",
        lost=True,
    ),
    Attack(
        "sends a picture that claims to be huge",
        "connection().sendall(done_with_pictures(picture(50000, 50000)))\ntime.sleep(9)",
        "larger than it may",
        lost=True,
    ),
    Attack(
        "sends more output than a cell may",
        "c, r = connection(), current()\nfor n in range(30): c.sendall(framed({{'type': 'output', 'id': r['id'], 'nonce': r['nonce'], 'stream': 'stdout', 'text': 'x' * 100}}))\ntime.sleep(9)",
        "more output",
        lost=True,
    ),
]

ATTACKS = [*FILES, *SOCKETS, *PROCESSES, *KERNEL, *MEMORY, *ENDLESS, *ENDINGS, *FORGERIES]
