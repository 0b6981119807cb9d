"""``wharf rm``: remove a tag, or a manifest with all its tags."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import ask, references
from wharfinger.cli.references import Image, ImageName
from wharfinger.cli.show import tags_in_words

if TYPE_CHECKING:  # the HTTP client is slow to import, and "wharf --help" does not need it
    from wharfinger.cli.client import Client


def rm(
    image: ImageName,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
) -> int:
    """Remove a tag (REPOSITORY:TAG), or a manifest and with it all its tags (REPOSITORY@DIGEST)."""
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    with logged_in() as client:
        return _untag(client, wanted) if wanted.is_tag else _remove(client, wanted, yes=yes)


def _untag(client: "Client", wanted: Image) -> int:
    client.delete(_path("tags", wanted))
    print(f"Removed the tag {wanted}; the manifest is still there.")
    return 0


def _remove(client: "Client", wanted: Image, *, yes: bool) -> int:
    address = _path("manifests", wanted)
    if not yes and not _is_meant(wanted, client.get(address)):
        print("Nothing was removed.")
        return 1
    client.delete(address)
    print(f"Removed {wanted}.")
    return 0


def _path(what: str, image: Image) -> str:
    return f"/{what}/{image.repository}/{image.reference}"  # both parts are of the grammar: nothing to quote


def _is_meant(wanted: Image, found: dict[str, Any]) -> bool:
    tags = tags_in_words(found)
    print(f"This removes {wanted}" + (f" and with it the tags {tags}." if tags else ", which has no tags."))
    return ask.agrees("Remove it?")
