"""Regular expressions of vendors who search where we match the whole text. What RE2 does not know is refused.

A selector with ``regex`` is given what matches the whole text exactly when the vendor's search finds something.
"""

import re

from wharfinger.errors import RequestInvalid
from wharfinger.select import parse

_PART = re.compile(r"(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*|.")
"""An escape, a class up to its end, or any other character."""
_SUBTRACTING = "subtracting from a class, -[…], is read differently by .NET and RE2"
_DOT_NET_ONLY = (
    (re.compile(r"\\[QECGa]"), "the escapes \\Q, \\E, \\C, \\G and \\a are read differently by .NET and RE2"),
    (re.compile(r"\(\?[A-Za-z]*[Ux]"), "the flags U and x are read differently by .NET and RE2"),
)
_SQL_ESCAPES = re.compile(r"\\(?![dDsSwW]|[^0-9A-Za-z])")
_LATE_FLAGS = re.compile(r"(?s)(?<=.)\(\?[A-Za-z-]+[):]")
_LEAKING_FLAGS = re.compile(r"\(\?[A-Za-z-]+\)")


def checked(expression: str) -> str:
    """The expression, which RE2 knows. Raises RequestInvalid."""
    if not expression:
        raise RequestInvalid("an empty regular expression")
    try:
        parse({"regex": expression})
    except RequestInvalid as error:
        raise RequestInvalid(f"{expression[:80]!r} is not translated: {error.message}") from error
    return expression


def found(expression: str) -> dict[str, object]:
    """A selector of the texts in which the expression is found somewhere. Raises RequestInvalid."""
    # Compiled by itself first: with our parentheses around it, one that closes too many would pass.
    return {"regex": checked(f"(?s:.*)(?:{checked(expression)})(?s:.*)")}


def between(expression: str, begin: str, end: str) -> dict[str, object]:
    r"""A selector of the texts in which ``begin + expression + end`` is found: text beside text, without a group.

    So does GitLab with ``\A`` and ``\z``, and ``acr purge`` with ``^`` and ``$``: of ``a|b`` only the begin of a and
    the end of b are bound.
    """
    checked(expression)
    return found(f"{begin}{expression}{end}")


def dot_net(expression: str) -> str:
    """One that regexp2, .NET's dialect, reads as RE2 does. Raises RequestInvalid."""
    wrong = [why for pattern, why in _DOT_NET_ONLY if pattern.search(expression)]
    if any(part.startswith("[") and "-[" in part for part in _PART.findall(expression)):
        wrong.append(_SUBTRACTING)
    if wrong:
        raise RequestInvalid(f"{expression[:80]!r} is not translated: {wrong[0]}")
    return expression


def sql(expression: str) -> str:
    """One that databases and RE2 read alike: PostgreSQL's word boundaries and late flags are not."""
    if _SQL_ESCAPES.search(expression):
        raise RequestInvalid(
            f"{expression[:80]!r} is not translated: of escapes with a letter or digit only \\d \\D \\s \\S \\w \\W "
            "mean the same in every database that Quay runs on"
        )
    if _LATE_FLAGS.search(expression) or expression.startswith("***"):
        raise RequestInvalid(f"{expression[:80]!r} is not translated: databases read its flags differently from RE2")
    return expression


def leaks(expression: str) -> bool:
    """Whether flags such as (?i) in it would also hold for what is joined to it with a bar."""
    return _LEAKING_FLAGS.search(expression) is not None
