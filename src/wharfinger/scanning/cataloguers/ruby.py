"""Ruby's installed gems, and what Bundler's lock file pins. Pure."""

import re
from collections.abc import Iterator

from wharfinger.scanning.cataloguers.kind import DECLARED, Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement

_NAME = re.compile(r"^\s*\w+\.name\s*=\s*[\"']([\w.-]+)[\"']", re.MULTILINE)
_VERSION = re.compile(
    r"^\s*\w+\.version\s*=\s*(?:Gem::Version\.new\s*\(?\s*)?[\"']([0-9A-Za-z][\w.-]*)[\"']", re.MULTILINE
)

_SECTION = re.compile(r"[A-Z][A-Z ]*")
_PINNED = re.compile(r" {4}([\w.-]+) \(([0-9A-Za-z][\w.]*)[^)]*\)")  # a platform may follow the version
_FROM_ELSEWHERE = frozenset({"GEM", "GIT"})


def _gemspec(file: File) -> Iterator[Statement]:
    """As RubyGems writes it when it installs; a text in Ruby, of which two lines matter."""
    text = file.text()
    name, version = _NAME.search(text), _VERSION.search(text)
    if name and version:
        yield Found("gem", name[1], version[1])


def _lock(file: File) -> Iterator[Statement]:
    """Sections by where gems are from; one that lies beside the lock, in PATH, is the project's own."""
    section = ""
    for line in map(str.rstrip, file.text().split("\n")):
        if _SECTION.fullmatch(line):
            section = line
        elif section in _FROM_ELSEWHERE and (pinned := _PINNED.fullmatch(line)):
            yield Found("gem", pinned[1], pinned[2], detail=DECLARED)


def _is_installed(path: str) -> bool:
    folder = path.rpartition("/")[0]
    return folder.endswith(("specifications", "specifications/default"))


def _is_lock(path: str) -> bool:
    """Gems carry along the locks with which they were tested."""
    return "/gems/" not in f"/{path}"


GEMS = Cataloguer("ruby", _gemspec, endings=frozenset({".gemspec"}), accepts=_is_installed)
LOCK = Cataloguer("ruby-lock", _lock, names=frozenset({"Gemfile.lock", "gems.locked"}), accepts=_is_lock)
