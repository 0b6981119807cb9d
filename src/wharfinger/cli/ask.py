"""Questions to whoever sits at the terminal. Secrets come from there or from standard input, never from arguments."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from wharfinger.errors import Refusal

PasswordStdin = Annotated[bool, Parameter(negative="", help="Read the password from standard input.")]


def line(question: str, instead: str) -> str:
    """What is typed. Raises Refusal, naming the option to use ``instead``, when there is nobody to ask."""
    with _terminal(instead):
        return input(question).strip()


def agrees(question: str) -> bool:
    """Whether the answer is yes."""
    return line(f"{question} [y/N] ", "--yes").lower() in {"y", "yes"}


def password(question: str = "Password: ", *, twice: bool = False) -> str:
    """A password, typed unseen."""
    from getpass import getpass

    with _terminal("--password-stdin"):
        typed = getpass(question)
        if twice and getpass("Once more: ") != typed:
            raise Refusal("the two are not the same")
        return typed


def password_from_stdin() -> str:
    """The first line of standard input."""
    text = sys.stdin.readline(8192).rstrip("\r\n")
    if not text:
        raise Refusal("there is no password on standard input")
    return text


@contextmanager
def _terminal(instead: str) -> Iterator[None]:
    if not sys.stdin.isatty():
        raise Refusal(f"there is no terminal to ask on: use {instead}")
    try:
        yield
    except EOFError as error:
        raise Refusal("nothing was typed") from error
