"""A process that gives up its rights: what reads a stranger's archive can read its input, answer, and nothing else.

In this order: bounds on memory and files, out of the network (a namespace of its own), out of root, and last a filter
that leaves only the system calls of reading, writing, and memory; opening a file or a socket is none of them, nor is
starting a thread. Those that it needs are started before that, and the filter is laid over all of them at once.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from wharfinger.scanning.limits import MIB, Limits

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000  # <linux/sched.h>
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # <linux/prctl.h>
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1  # <linux/seccomp.h>
_NOBODY = 65534


@dataclass(frozen=True)
class _Machine:
    """A kind of processor: how the kernel names it to filters, its number of seccomp, and of the calls left allowed."""

    audit: int
    seccomp: int
    calls: Sequence[int]


# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 pwrite64
# sched_yield mremap madvise getpid exit ftruncate gettimeofday sigaltstack futex restart_syscall clock_gettime
# exit_group getrandom: <asm/unistd.h>, <linux/audit.h>
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        317,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 24, 25, 28, 39, 60, 77, 96, 131, 202, 219, 228, 231, 318),
    ),
    "aarch64": _Machine(
        0xC00000B7,
        277,
        (
            *(63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 67, 68, 124, 216, 233, 172, 93, 46, 169, 132, 98),
            *(128, 113, 94, 278),
        ),
    ),
}


def confine(limits: Limits, start: Callable[[], object]) -> str:
    """Give up every right that reading does not need, and say which barriers hold. There is no way back.

    ``start`` is called when threads may still be started, and those that it starts have as few rights.
    """
    return ", ".join(["separate process", *_barriers(limits, start)])


def _barriers(limits: Limits, start: Callable[[], object]) -> Iterator[str]:
    _bound(limits)
    yield "bounded memory"
    if platform.system() != "Linux":
        start()
        return
    libc = ctypes.CDLL(None, use_errno=True)
    without_privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    if _leave_network(libc):
        yield "network namespace"
    _leave_root()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after it, since a change of user forgets it
    start()  # not before: a process with threads can make no user namespace, and threads that run already stay outside
    if without_privileges and _filter(libc):
        yield "seccomp"


def _bound(limits: Limits) -> None:
    """Past these the kernel says no, whatever the code above forgot to count."""
    for kind, most in (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file + MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower bound holds already
            resource.setrlimit(kind, (most, most))


def _leave_network(libc: ctypes.CDLL) -> bool:
    """As root by right, else by way of a user namespace, where the kernel lets everybody make one."""
    alone = _CLONE_NEWNET | _CLONE_NEWIPC
    return any(libc.unshare(flags) == 0 for flags in (alone, _CLONE_NEWUSER | alone))


def _leave_root() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter(libc: ctypes.CDLL) -> bool:
    machine = _MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        return False
    code = _program(machine)
    program = _Program(len(code) // 8, code)
    # For every thread or for none: it answers with the number of one to which it could not be given.
    call = (machine.seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC)
    refused: int = libc.syscall(*map(ctypes.c_long, call), ctypes.byref(program))
    return refused == 0


def _program(machine: _Machine) -> bytes:
    """In the language of <linux/filter.h>: another processor's call kills, an allowed one passes, the rest fails."""
    load, equal, answer = 0x20, 0x15, 0x06
    kill, fail, allow = 0x80000000, 0x00050001, 0x7FFF0000  # fail: EPERM
    count = len(machine.calls)
    steps = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 1, 0, machine.audit),
        (answer, 0, 0, kill),
        (load, 0, 0, 0),  # seccomp_data.nr
        *((equal, count - index, 0, call) for index, call in enumerate(machine.calls)),
        (answer, 0, 0, fail),
        (answer, 0, 0, allow),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
