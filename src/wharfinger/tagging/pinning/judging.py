"""Whether what a reference means can change under it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wharfinger.remote import references
from wharfinger.remote.references import ImageReference
from wharfinger.tagging.pinning.found import Found

Immutable = Callable[[ImageReference], bool | None]
"""Whether a rule keeps the tag where it is; None: nobody knows, which is treated as no."""

RULES: Mapping[str, str] = {
    "no-tag": "An image without a tag is whatever latest is today",
    "latest": "The tag latest moves with every release",
    "mutable-tag": "A tag that no rule makes immutable can be moved",
    "not-pinnable": "What image is used is not written here, or not so that it can be pinned",
    "unreadable": "The file cannot be read, so nobody knows what images it uses",
    "not-written": "The file was not, or could not be, changed",
    "unresolved": "The registry did not say which image it is",
}
GOOD = frozenset({"pinned", "immutable-tag"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rule`` is one of RULES, ``pinned``, or ``immutable-tag``."""

    rule: str
    reason: str

    @property
    def is_good(self) -> bool:
        return self.rule in GOOD


def nobody_knows(_: ImageReference) -> bool | None:
    """For registries that cannot be asked for their rules."""
    return None


def verdict(found: Found, immutable: Immutable = nobody_knows) -> Verdict:
    """What is to be thought of the reference."""
    if found.reference is None:
        return Verdict("not-pinnable", found.trouble)
    seen = _seen(found.reference, immutable)
    return Verdict(seen.rule, f"{seen.reason}; {found.note}") if found.note and not seen.is_good else seen


def _seen(reference: ImageReference, immutable: Immutable) -> Verdict:
    if reference.is_pinned:
        return Verdict("pinned", "pinned to a digest")
    ruled = immutable(reference)
    if ruled:
        return Verdict("immutable-tag", "a rule of its registry makes the tag immutable")
    if reference.tag is None:
        return Verdict("no-tag", "no tag, which means latest")
    if reference.tag == references.LATEST:
        return Verdict("latest", "latest moves")
    return Verdict("mutable-tag", "no rule makes this tag immutable" if ruled is False else "the tag can be moved")
