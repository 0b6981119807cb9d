"""Which tags and repositories are meant: one language of selectors, used wherever one of them is matched. Pure."""

from wharfinger.select.parsing import WORDS, parse
from wharfinger.select.selectors import Selector
from wharfinger.select.versions import Version, parse_version

__all__ = ["WORDS", "Selector", "Version", "parse", "parse_version"]
