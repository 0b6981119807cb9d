"""``wharf scanner``: scanners of others, which are asked about every image beside ours."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wharfinger.cli import references
from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.cli.references import ImageName
from wharfinger.config import values
from wharfinger.errors import Refusal

scanner = App(name="scanner", help="Let other scanners look at images: Trivy, Clair and whatever has a Harbor adapter.")

SECRET_AT_MOST = 8192

Name = Annotated[str, Parameter(help="The scanner's name here.")]


@scanner.command(name="list")
def list_(*, as_json: AsJson = False) -> None:
    """List the scanners: what they say they are, how many images they reported on, and what is wrong with them."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/scanners")["scanners"]
    if as_json:
        print_json(found)
        return
    print_rows(("Name", "URL", "Account", "Scanner", "Reported", "State"), (_row(each) for each in found))


@scanner.command
def add(
    name: Name,
    url: Annotated[str, Parameter(help="The adapter's URL, to which /api/v1 is added.")],
    *,
    account: Annotated[str, Parameter(help="The service account as which it pulls: what that may not, it cannot.")],
    auth: Annotated[Literal["none", "basic", "bearer"], Parameter(help="How we prove to it who we are.")] = "none",
    secret_file: Annotated[
        Path | None, Parameter(help="The file with the bearer token, or NAME:PASSWORD; - is standard input.")
    ] = None,
    registry: Annotated[
        str | None, Parameter(help="The URL by which it reaches this registry; public_url unless given.")
    ] = None,
    allow_private: Annotated[
        bool, Parameter(negative="", help="It may be in a private network, or on the registry's own machine.")
    ] = False,
    every: Annotated[str, Parameter(help="How long a report counts before it is asked again: 24h, 7d.")] = "24h",
    sbom: Annotated[bool, Parameter(negative="", help="Let it make bills of materials, too, where it can.")] = False,
) -> None:
    """Register a scanner that speaks Harbor's adapter protocol, once it has answered.

    It is asked about every image that is pushed, and about those that are there. For each it gets a token that pulls
    from the one repository, for half an hour.
    """
    from wharfinger.cli.client import logged_in

    fields: dict[str, Any] = {
        "name": name,
        "url": url,
        "account": account,
        "auth": auth,
        "registry": registry,
        "private": allow_private,
        "every": _seconds(every),
        "sbom": sbom,
    }
    if secret_file is not None:
        fields["secret"] = _secret(secret_file)
    with logged_in() as client:
        client.post("/scanners", fields)
    print(f"Registered {name}; it pulls as {account}.")


@scanner.command
def rm(name: Name) -> None:
    """Remove a scanner with all that it reported."""
    from wharfinger.cli.client import logged_in, quoted

    with logged_in() as client:
        client.delete(f"/scanners/{quoted(name)}")
    print(f"Removed {name}.")


@scanner.command
def sbom(name: Name, image: ImageName) -> None:
    """Print the bill of materials that a scanner has made of an image; of an index, one for each image by digest."""
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    with logged_in() as client:
        found = client.get(f"/scanner-boms/{wanted.repository}/{wanted.reference}", scanner=name)["bills"]
    if not found:
        raise Refusal(f"{name} has made no bill of materials of {image}")
    print(json.dumps(next(iter(found.values())) if len(found) == 1 else found, indent=2))


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    state = f"asked again at {moment(each['down_until'])}: {each['problem']}" if each["problem"] else "answers"
    made = " ".join(word for word in (each["scanner"], each["version"]) if word)
    return each["name"], each["url"], each["account"], made, str(each["reported"]), state


def _seconds(text: str) -> float:
    try:
        return values.duration(text).total_seconds()
    except ValueError as error:
        raise Refusal(f"{text!r} is not {str(error) or values.DURATION.wanted}") from error


def _secret(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.read(SECRET_AT_MOST)
        with file.open(encoding="utf-8") as opened:
            return opened.read(SECRET_AT_MOST)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise Refusal(f"cannot read {file}: {reason}") from error
