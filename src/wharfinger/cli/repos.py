"""``wharf repos``: what repositories there are."""

from wharfinger.cli.output import AsJson, moment, print_json, print_rows, size


def repos(*, as_json: AsJson = False) -> None:
    """List the repositories: name, tags, manifests, size of their blobs, and since when they exist."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = list(client.pages("/repositories", "repositories"))
    if as_json:
        print_json(found)
        return
    print_rows(
        ("Repository", "Tags", "Manifests", "Size", "Since"),
        (
            (row["name"], str(row["tags"]), str(row["manifests"]), size(row["size"]), moment(row["created_at"]))
            for row in found
        ),
    )
