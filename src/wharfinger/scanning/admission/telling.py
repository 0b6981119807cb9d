"""What clients are told of a pull that is refused or warned of. Pure."""

from wharfinger.scanning.admission.rules import Outcome
from wharfinger.scanning.admission.standing import Why
from wharfinger.spec import warnings
from wharfinger.spec.digest import Digest
from wharfinger.spec.names import RepoName

_DOUBTS = {
    "unscanned": "nothing is known of this image yet, it was not scanned",
    "rejudging": "the rules have changed, and this image is about to be judged by them",
    "partial": "not all that is in this image is known: wharf verdict names what was not read",
    "not_assessed": "no advisories are about some of the packages in this image",
    "stale": "the advisories are too old",
}


def reason(why: Why) -> str:
    """The rule, and the finding or the doubt."""
    rule = f"the gate rule {why.rule}" if why.rule else "the gates (no rule places this)"
    return f"{rule}: {_what(why)}"


def _what(why: Why) -> str:
    if why.kind != "finding":
        return _DOUBTS[why.kind]
    fixed = f"fixed in {why.fixed}" if why.fixed else "not fixed yet"
    more = f", and {why.more} more" if why.more else ""
    severity = f"not rated, counts as {why.severity}" if why.unrated else why.severity
    by = f", found by {why.by}" if why.by else ""
    return f"{why.id} ({severity}) in {why.package} {why.version}{by}, {fixed}{more}"


def refusal(why: Why, repository: RepoName, digest: Digest) -> str:
    """Why the pull is refused, and the ways out."""
    image = f"{repository}@{digest}"
    return f"refused by {reason(why)}. {_way_out(why, image)}"


def _way_out(why: Why, image: str) -> str:
    glass = f"for now: wharf breakglass {image} --because ... --for 4h"
    if why.kind in {"unscanned", "rejudging"}:
        return f"Try again in a moment; wharf verdict {image} shows whether it is known; {glass}"
    if why.kind == "stale":
        return f"Let an administrator run wharf advisories update; {glass}"
    update = f"Update {why.package} to {why.fixed} and push again" if why.fixed else "Push an image without it"
    if why.kind != "finding":
        update = "Let it be scanned again"
    return f"{update}; see wharf verdict {image}; ask for an exception; {glass}"


def warning(outcome: Outcome, why: Why, excuse: str = "") -> bytes:
    """The value of a Warning header."""
    said = "this pull is refused by" if outcome is Outcome.BLOCK else "warned of by"
    return warnings.warning(f"{excuse}{said} {reason(why)}")
