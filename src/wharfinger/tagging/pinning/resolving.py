"""Which digest a tag of any registry has now, seen with one's own eyes."""

from wharfinger.errors import Refusal
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.spec.digest import Digest

REFERENCES_AT_MOST = 2_000


class Resolver:
    """Asks each registry once for each tag."""

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories
        self._resolved: dict[tuple[str, str, str], Digest | Refusal] = {}

    def digest(self, reference: ImageReference) -> Digest:
        """The digest of what the tag points at, be it an index or an image. Raises Refusal."""
        key = (reference.registry, reference.repository, reference.meant_tag)
        if key not in self._resolved:
            if len(self._resolved) >= REFERENCES_AT_MOST:
                raise Refusal(f"more than {REFERENCES_AT_MOST} different images at once: name fewer files")
            try:
                self._resolved[key] = self._resolve(reference)
            except Refusal as refusal:
                self._resolved[key] = refusal
        found = self._resolved[key]
        if isinstance(found, Refusal):
            raise found
        return found

    def _resolve(self, reference: ImageReference) -> Digest:
        # By digest, where one is told: the tag may move between the two requests.
        return self._repositories.manifest(reference, self._repositories.told(reference)).digest
