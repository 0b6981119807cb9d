"""``wharf find``: which images of the registry have a package or a vulnerability."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli.findings import count
from wharfinger.cli.output import AsJson, clean, print_json, print_rows

HEADINGS = (
    "Severity",
    "Vulnerability",
    "Package",
    "Version",
    "Fixed in",
    "Image",
    "Platform",
    "Where",
    "Runs",
    "Layer",
    "Known since",
    "Excused",
)


def find(
    what: Annotated[
        str, Parameter(help="A package, like pkg:npm/lodash@<4.17.21 or pkg:deb/debian/openssl, or a vulnerability.")
    ],
    /,
    *,
    repository: Annotated[
        str | None, Parameter(help="Only in repositories that this glob selects, like shop/**.")
    ] = None,
    in_use: Annotated[bool, Parameter(negative="", help="Only images that run, as reporters say.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the images that have a package or a vulnerability, where they lie and run, and which layer brought it.

    Versions go by the order of the package's own ecosystem. What could not be searched is told beside.
    What an exception or a VEX document excuses is listed all the same, with by what and until when.
    """
    from wharfinger.cli.client import logged_in

    asked = {"q": what, "in_use": str(in_use).lower()} | ({"repository": repository} if repository else {})
    with logged_in() as client:
        first = client.get("/find", **asked)
        images = list(first["images"])
        following = first["next"]
        while following is not None:
            page = client.get("/find", last=following, **asked)
            images += page["images"]
            following = page["next"]
    if as_json:
        print_json({"query": what, "searched": first["searched"], "images": images})
        return
    print_rows(HEADINGS, (row for image in images for row in _rows(image)))
    print(clean(_summary(first["searched"], len(images))), file=sys.stderr)


def _rows(image: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    where = " ".join(f"{place['repository']}{_tags(place)}" for place in image["places"])
    runs = " ".join(sorted({use["reporter"] for place in image["places"] for use in place["in_use"]}))
    for found in image["found"]:
        layers = " ".join(each.partition(":")[2][:12] for each in found["layers"])
        rest = (image["digest"], image["platform"], where, runs, layers)
        for severity, id, fixed, *more in _said(image, found):
            yield severity, id, found["package"], found["version"], fixed, *rest, *more


def _tags(place: dict[str, Any]) -> str:
    return f":{','.join(place['tags'])}" if place["tags"] else ""


def _said(image: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """A line for each vulnerability, or one for a package without any that is known."""
    if found["covered"]:
        yield "", "covered by the distribution", "", "", ""
    elif not found["vulnerabilities"]:
        yield "", "", "", "", ""
    for each in found["vulnerabilities"]:
        yield (
            each["severity"],
            f"{each['id']} (exploited)" if each["kev"] else each["id"],
            each["fixed"] or each["state"],
            _day(each.get("known_since")),
            _excused(image["places"], found["purl"], each["id"]),
        )


def _day(since: str | None) -> str:
    return (since or "").partition("T")[0]


def _excused(places: list[dict[str, Any]], purl: str, id: str) -> str:
    """By what it is excused; where that is so in some of the places only, in which."""
    said: dict[str, str] = {
        place["repository"]: each["why"]
        for place in places
        for each in place["excused"]
        if (each["purl"], each["id"]) == (purl, id)
    }
    words = set(said.values())
    if len(said) == len(places) and len(words) == 1:
        return words.pop()
    return "; ".join(f"in {repository}: {why}" for repository, why in said.items())


def _summary(searched: dict[str, Any], found: int) -> str:
    """``2 of 412 images; 3 not scanned``."""
    said = [
        f"{found} of {count(searched['images'], 'image')} that {'was' if searched['images'] == 1 else 'were'} searched"
    ]
    said += [f"{searched['unscanned']} not scanned"] if searched["unscanned"] else []
    said += [f"{searched['partial']} not read as a whole"] if searched["partial"] else []
    said += [f"{searched['not_assessed']} with packages that nobody judges"] if searched["not_assessed"] else []
    if searched["uncomparable"]:
        said.append(f"versions that cannot be compared: {', '.join(searched['uncomparable'][:10])}")
    return "; ".join(said)
