"""Which of several ratings counts. Pure."""

from collections.abc import Iterable, Sequence

from wharfinger.scanning.findings import Rating, Severity

ORDER: Sequence[str] = ("distribution", "advisory", "cvss4", "cvss3", "other", "cvss2")
"""By default: the distribution's word for its own packages, the advisory's own word, CVSS 4 and 3, what others say, and
CVSS 2 last."""


def effective(ratings: Iterable[Rating], order: Sequence[str] = ORDER) -> Severity:
    """The worst rating of the first kind, or source, in the order of which there is one."""
    known = [rating for rating in ratings if rating.severity is not Severity.UNKNOWN]
    for wanted in order:
        found = [rating.severity for rating in known if wanted in {rating.kind, rating.source}]
        if found:
            return max(found, key=lambda severity: severity.rank)
    return Severity.UNKNOWN
