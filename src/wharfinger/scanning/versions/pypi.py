"""Python: PEP 440."""

import re

from wharfinger.scanning.versions.encoding import VersionInvalid, checked, number, word

_GRAMMAR = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_n>[0-9]*))?"
    r"(?P<post>-(?P<post_n1>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_n2>[0-9]*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_n>[0-9]*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.ASCII,
)
_PRE = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_NOTHING, _WORD, _NUMBER = b"\0", b"\1", b"\2"


def key(version: str) -> bytes:
    match = _GRAMMAR.fullmatch(checked(version).lower())
    if match is None:
        raise VersionInvalid(f"{version!r} is no version by PEP 440")
    return number(match["epoch"] or "") + _release(match["release"]) + _suffixes(match) + _local(match["local"])


def _release(text: str) -> bytes:
    parts = text.split(".")
    while len(parts) > 1 and not parts[-1].strip("0"):
        parts.pop()
    return b"".join(_NUMBER + number(part) for part in parts) + _NOTHING


def _suffixes(match: re.Match[str]) -> bytes:
    """In this order: dev, alpha, beta, rc, final, post; and a development release before what it leads to."""
    dev = _NOTHING + number(match["dev_n"]) if match["dev"] else b"\1"
    post = _WORD + number(match["post_n1"] or match["post_n2"] or "") if match["post"] else _NOTHING
    if match["pre"]:
        pre = bytes((_PRE[match["pre"]],)) + number(match["pre_n"])
    else:
        pre = _NOTHING if match["dev"] and not match["post"] else b"\4"
    return pre + post + dev


def _local(text: str | None) -> bytes:
    parts = re.split(r"[-_.]", text) if text else ()
    return b"".join(_NUMBER + number(part) if part.isdecimal() else _WORD + word(part) for part in parts) + _NOTHING
