"""``wharf trash``, ``wharf purge``: what was deleted, back or gone for good."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli import ask, references
from wharfinger.cli.output import AsJson, amount, clean, counted, moment, print_json, print_rows, size
from wharfinger.errors import Refusal
from wharfinger.spec import digest as digests
from wharfinger.spec import names

trash = App(name="trash", help="What was deleted: look at it, bring it back, or let it go for good.")

Yes = Annotated[bool, Parameter(negative="", help="Do not ask.")]


@trash.command(name="list")
def list_trash(
    repository: Annotated[str | None, Parameter(help="Of this repository; of all where it is left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what was deleted and can come back, where you may delete.

    Columns: image, size, when it was deleted, until when it can come back, who deleted it, why, and its tags. What is
    still there, and goes when a brown-out ends, is counted on standard error: wharf lifecycle doomed lists it.

    wharf trash list shop/web
    """
    from wharfinger.cli.client import logged_in

    wanted = {} if repository is None else {"repository": names.repository(repository)}
    with logged_in() as client:
        found = list(client.pages("/trash", "trash", **wanted))
        doomed = sum(each["spared_at"] is None for each in client.pages("/doomed", "doomed", **wanted))
    if as_json:
        print_json(found)
    else:
        print_rows(("Image", "Size", "Deleted", "Until", "By", "Why", "Tags"), map(_row, found))
    if doomed:
        print(_to_come(doomed, repository), file=sys.stderr)


@trash.command
def restore(
    image: Annotated[str, Parameter(help="REPOSITORY@DIGEST, or REPOSITORY:TAG for what had that tag last.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Bring an image back from the trash, with the children and referrers that went with it.

    Its tags are put back where they are free; which were not, and why, is said.

    wharf trash restore shop/web:1.4.2
    """
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    with logged_in() as client:
        found = client.post(f"/trash/restore/{wanted.repository}", {"reference": wanted.reference})
    if as_json:
        print_json(found)
        return
    others = len(found["digests"]) - 1
    print(f"Restored {image}" + (f" and {others} that went with it." if others else "."))
    for tag in found["tags"]:
        print(f"{tag}: put back")
    for left in found["left"]:
        print(f"{left['tag']}: not put back: {clean(left['why'])}")
    for digest in found["missing"]:
        print(f"{digest}: a child of it that is nowhere any more")


@trash.command
def empty(
    what: Annotated[str, Parameter(help="REPOSITORY for all of its trash, or REPOSITORY@DIGEST.")], *, yes: Yes = False
) -> int:
    """Take images out of the trash for good, before their time.

    wharf trash empty shop/web --yes
    """
    from wharfinger.cli.client import logged_in

    name, at, digest = what.partition("@")
    wanted = {"digests": [digests.parse(digest)] if at else None}
    path = f"/trash/empty/{names.repository(name)}"
    if not yes and not ask.agrees(f"Take {what if at else f'all that is in the trash of {name}'} out for good?"):
        raise Refusal("nothing was taken out")
    with logged_in() as client:
        count = client.post(path, wanted)["emptied"]
    if at and not count:
        raise Refusal(f"{what} is not in the trash")
    print(f"Took {count} out of the trash.")
    return 0


def purge(
    digest: Annotated[str, Parameter(help="The digest of a manifest or of a blob.")],
    *,
    because: Annotated[str, Parameter(help="Why, for the audit trail.")],
    yes: Yes = False,
) -> None:
    """Remove content everywhere at once and for good: a leaked secret. Neither trash nor grace period.

    A manifest goes with the blobs that nothing else needs; a blob with the manifests in the trash that need it. It is
    refused while a manifest that is there needs the blob, an index lists the manifest, or somebody holds it. What was
    pulled before is where it was pulled to: a secret that was leaked must be changed all the same.

    wharf purge sha256:… --because "a private key in the third layer"
    """
    from wharfinger.cli.client import logged_in

    wanted = digests.parse(digest)
    if not yes and not ask.agrees(f"Remove {wanted} from every repository for good?"):
        raise Refusal("nothing was purged")
    with logged_in() as client:
        found = client.post("/purge", {"digest": wanted, "because": because})
    for image in found["manifests"]:
        print(f"{image}: gone")
    for blob in found["blobs"]:
        print(f"{blob}: gone")
    for blob in found["kept"]:
        print(f"{blob}: kept, something else needs it")
    print(f"Purged {amount(found['bytes'])}.")


def _to_come(doomed: int, repository: str | None) -> str:
    goes = "goes" if doomed == 1 else "go"
    of = f" {repository}" if repository else ""
    return f"{counted(doomed, 'image')} more {goes} when a brown-out ends, if not pulled: wharf lifecycle doomed{of}"


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    image = f"{entry['repository']}@{entry['digest']}"
    times = moment(entry["trashed_at"]), moment(entry["empties_at"])
    return image, size(entry["size"]), *times, entry["who"], entry["why"] or "-", " ".join(entry["tags"]) or "-"
