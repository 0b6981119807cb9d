"""``wharf tags``: what tags a repository has."""

from typing import Annotated

from cyclopts import Parameter

from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.spec import names


def tags(
    repository: Annotated[str, Parameter(help="For example shop/web.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List the tags of a repository: name, when it was last moved, and the digest it points at."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = list(client.pages(f"/tags/{names.repository(repository)}", "tags"))
    if as_json:
        print_json(found)
        return
    print_rows(("Tag", "Moved", "Digest"), ((row["name"], moment(row["moved_at"]), row["digest"]) for row in found))
