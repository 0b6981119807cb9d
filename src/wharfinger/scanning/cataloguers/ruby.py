"""Ruby's installed gems. Pure."""

import re
from collections.abc import Iterator

from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement

_NAME = re.compile(r"^\s*\w+\.name\s*=\s*[\"']([\w.-]+)[\"']", re.MULTILINE)
_VERSION = re.compile(
    r"^\s*\w+\.version\s*=\s*(?:Gem::Version\.new\s*\(?\s*)?[\"']([0-9A-Za-z][\w.-]*)[\"']", re.MULTILINE
)


def _gemspec(file: File) -> Iterator[Statement]:
    """As RubyGems writes it when it installs; a text in Ruby, of which two lines matter."""
    text = file.text()
    name, version = _NAME.search(text), _VERSION.search(text)
    if name and version:
        yield Found("gem", name[1], version[1])


def _is_installed(path: str) -> bool:
    folder = path.rpartition("/")[0]
    return folder.endswith(("specifications", "specifications/default"))


GEMS = Cataloguer("ruby", _gemspec, endings=frozenset({".gemspec"}), accepts=_is_installed)
