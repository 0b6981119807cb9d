"""A tag that is of a form, for the refusal of one that is not. Pure."""

import re
from collections.abc import Iterator, Mapping

from wharfinger.select import WORDS, Selector
from wharfinger.spec.names import is_tag

USUAL = ("1.4.2", "v1.4.2", "a1b2c3d", "1.4", "20260131", "latest")
CALENDAR = {
    "YYYY": "2026",
    "YY": "26",
    "0Y": "26",
    "MM": "1",
    "0M": "01",
    "WW": "5",
    "0W": "05",
    "DD": "31",
    "0D": "31",
}
SHA = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
_UNIT = re.compile("YYYY|YY|0Y|MM|0M|WW|0W|DD|0D|MAJOR|MINOR|MICRO")
_WILD = re.compile(r"\*+|\?|\[!?(.)[^\]]*\]|\{([^{},]*)[^{}]*\}")


def of(form: Selector | None, written: object) -> str | None:
    """A tag that ``form``, which was ``written`` so, matches; None when none comes to mind."""
    if form is None:
        return None
    return next((each for each in (*_of(written), *USUAL) if is_tag(each) and form.matches(each)), None)


def _of(written: object) -> Iterator[str]:
    match written:
        case str():
            yield from _of_mapping(WORDS[written]) if written in WORDS else (_filled(written),)
        case list():
            for each in written:
                yield from _of(each)
        case Mapping():
            yield from _of_mapping(written)


def _of_mapping(written: Mapping[str, object]) -> Iterator[str]:
    for kind, value in written.items():
        match kind, value:
            case ("glob", str()):
                yield _filled(value)
            case ("semver", str()):
                yield from _versions(value)
            case ("calver", str()):
                yield _UNIT.sub(lambda unit: CALENDAR.get(unit[0], "1"), value)
            case ("git_sha", _):
                prefix = str(written.get("prefix", ""))
                yield from (f"{prefix}{SHA[:7]}", f"{prefix}{SHA}")
            case ("any" | "all", list()):
                yield from _of(value)


def _filled(glob: str) -> str:
    """Each wildcard replaced by what it matches."""
    return _WILD.sub(lambda wild: wild[1] or wild[2] or ("1" if wild[0][0] in "*?" else ""), glob)


def _versions(text: str) -> Iterator[str]:
    yield USUAL[0]
    for found in re.findall(r"\d+(?:\.\d+)*(?:-[0-9A-Za-z.-]+)?", text):
        numbers, hyphen, rest = found.partition("-")
        parts = [*numbers.split("."), "0", "0"][:3]
        yield ".".join(parts) + hyphen + rest
        yield ".".join([*parts[:2], str(int(parts[2]) + 1)])
