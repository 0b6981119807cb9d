"""``wharf show``: what is in an image."""

from collections.abc import Iterator
from typing import Any

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, clean, moment, print_json, print_rows, size
from wharfinger.cli.references import ImageName


def show(image: ImageName, *, as_json: AsJson = False) -> None:
    """Show an image or index: its digest, sizes, tags, and what it is made of."""
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    with logged_in() as client:
        found = client.get(f"/manifests/{wanted.repository}/{wanted.reference}")
    if as_json:
        print_json(found)
        return
    for label, value in _facts(found):
        print(f"{label + ':':<15}{clean(value)}")
    parts = list(_parts(found))
    if parts:
        print()
        print_rows(("Part", "Size", "Digest", "Type"), parts)


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Digest", found["digest"]
    yield "Type", found["media_type"]
    if found["artifact_type"]:
        yield "Artifact type", found["artifact_type"]
    if found["subject"]:
        yield "Subject", found["subject"]
    yield "Size", f"{size(found['total_size'])}, of which the manifest itself {size(found['size'])}"
    yield "Pushed", moment(found["pushed_at"])
    yield "Tags", tags_in_words(found) or "none"
    if found["referrers"]:
        yield "Referrers", str(found["referrers"])
    for name, value in sorted(found["annotations"].items()):
        yield "Annotation", f"{name}={value}"


def _parts(found: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    kinds = [("config", found["config"])] if found["config"] else []
    kinds += [("layer", layer) for layer in found["layers"]]
    kinds += [(child["platform"] or "manifest", child) for child in found["children"]]
    for kind, part in kinds:
        where = "" if part["present"] else " (not here)"
        yield kind + where, size(part["size"]), part["digest"], part["media_type"]


def tags_in_words(found: dict[str, Any]) -> str:
    """The tags of an image, the first few by name."""
    named = found["tags"][:10]
    others = found["tag_count"] - len(named)
    return ", ".join(named) + (f" and {others} others" if others else "")
