"""``wharf tag``, ``wharf history``, ``wharf rollback``: tags of what is there already."""

import sys
from itertools import islice
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import ask, references
from wharfinger.cli.output import AsJson, clean, moment, print_json, print_rows
from wharfinger.cli.references import Image
from wharfinger.errors import Refusal, RequestInvalid
from wharfinger.spec import names

NOWHERE = "-"


def tag(
    image: Annotated[str, Parameter(help="REPOSITORY@DIGEST: the image that gets the tags.")],
    *tags: Annotated[str, Parameter(help="Further tags, which are set as they are.")],
    version: Annotated[str | None, Parameter(help="A full version, such as 1.4.2.")] = None,
    commit: Annotated[str | None, Parameter(help="The commit that it was built from.")] = None,
    floating: Annotated[bool, Parameter(help="Let 1.4 and 1 follow the version 1.4.2.")] = True,
    as_json: AsJson = False,
) -> None:
    """Give an image further tags, all of them or none: a version, the commit, and names of your own.

    With --version 1.4.2, the floating tags 1.4 and 1 follow where they may: not when a higher version of their line is
    there, and not when a rule or your permissions forbid it. Which were left, and why, is said. No other tag is set
    that is not named, latest neither.

    wharf tag shop/web@sha256:… --version 1.4.2 --commit a1b2c3d

    wharf tag shop/web@sha256:… stable latest
    """
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    for option, value in (("--version", version), ("--commit", commit)):
        if value == "":
            raise RequestInvalid(f"{option} is empty: is a variable not set?")
    if wanted.is_tag:
        raise RequestInvalid(f"{image}: say which image, {wanted.repository}@DIGEST: a tag may move meanwhile")
    asked = {"digest": wanted.reference, "version": version, "commit": commit, "floating": floating}
    with logged_in() as client:
        found = client.post(f"/tags/{wanted.repository}", asked | {"names": list(tags)})
    if as_json:
        print_json(found)
        return
    for change in found["changes"]:
        print(f"{change['tag']}: {'set' if change['before'] is None else 'moved, before at ' + change['before']}")
    for name in found["same"]:
        print(f"{name}: there already")
    for left in found["left"]:
        print(f"{left['tag']}: left where it is: {clean(left['why'])}")


def history(
    image: Annotated[str, Parameter(help="REPOSITORY:TAG, or REPOSITORY for all its tags.")],
    *,
    limit: Annotated[int | None, Parameter(help="How many changes at most; all where it is left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a tag pointed at, since when, and who did it: the newest first.

    Columns: when, tag, how (push, tag, rollback, delete; found: it was there before there was a history), who, and
    the digest; "gone" behind the digest of an image that is no longer there.

    wharf history shop/web:prod --limit 5
    """
    from wharfinger.cli.client import logged_in

    name, tag = _which(image)
    with logged_in() as client:
        found = list(islice(_events(client, name, tag), limit))
    if tag is not None and not found and limit != 0:
        raise Refusal(f"{name} never had a tag {tag}, as far as its history goes")
    if as_json:
        print_json(found)
        return
    print_rows(("When", "Tag", "How", "Who", "Digest"), map(_row, found))


def rollback(
    image: Annotated[str, Parameter(help="REPOSITORY:TAG, for example shop/web:prod.")],
    *,
    to: Annotated[str, Parameter(help="When it was right: 2h-ago, 2027-01-31T18:00Z; or the digest it was at.")],
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
) -> int:
    """Let a tag point again at what it pointed at then. Rules and permissions count as they do for a push.

    It is refused when that image is gone.

    wharf rollback shop/web:prod --to 2h-ago
    """
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    if not wanted.is_tag:
        raise RequestInvalid(f"{image}: want a tag, {wanted.repository}:TAG")
    address = f"/rollback/{wanted.repository}/{wanted.reference}"
    with logged_in() as client:
        seen = client.post(address, {"to": to, "dry_run": True})
        if seen["before"] == seen["after"]:
            print(f"{wanted} is there already: {seen['after']}")
            return 0
        _show(wanted, seen)
        if not yes and not ask.agrees("Roll back?"):
            raise Refusal("nothing was rolled back")
        # What was shown is what is done: the digest, and only from where the tag was seen.
        client.post(address, {"to": seen["after"], "expected": seen["before"] or ""})
    print(f"Rolled {wanted} back.")
    return 0


def _which(image: str) -> tuple[str, str | None]:
    if "@" in image:
        raise RequestInvalid(f"{image}: want REPOSITORY:TAG or REPOSITORY: what is under a digest never changes")
    if ":" not in image:
        return names.repository(image), None
    wanted = references.parse(image)
    return wanted.repository, str(wanted.reference)


def _events(client: Any, name: str, tag: str | None) -> Any:
    parameters = {} if tag is None else {"tag": tag}
    while True:
        page = client.get(f"/history/{name}", **parameters)
        yield from page["history"]
        if page["next"] is None:
            return
        parameters["before"] = page["next"]


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    digest = event["digest"] or NOWHERE
    gone = " gone" if event["digest"] and not event["present"] else ""
    return moment(event["at"]), event["tag"], event["how"], event["who"] or NOWHERE, f"{digest}{gone}"


def _show(wanted: Image, seen: dict[str, Any]) -> None:
    for word, sign in (("before", "-"), ("after", "+")):
        print(f"{sign} {wanted} {seen[word] or 'is not there'}", file=sys.stderr)
