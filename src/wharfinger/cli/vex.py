"""``wharf vex``: statements of others about vulnerabilities, brought to the registry."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, moment, print_json, print_rows
from wharfinger.errors import Refusal, RequestInvalid

BYTES_AT_MOST = 8 * 1024 * 1024

vex = App(name="vex", help="VEX documents that say of what is found why it does no harm: OpenVEX, CSAF, CycloneDX.")


@vex.command(name="import")
def import_document(
    file: Annotated[Path, Parameter(help="An OpenVEX, CSAF or CycloneDX document, as JSON.")],
    *,
    repository: Annotated[
        list[str], Parameter(negative="", help="Where it counts: a repository or a glob. May be repeated.")
    ],
    as_json: AsJson = False,
) -> None:
    """Let a document count in repositories, from now on and for images that are pushed later."""
    from wharfinger.cli.client import logged_in

    where = repository[0] if len(repository) == 1 else repository
    asked = {"name": file.name, "document": _text(file), "repositories": where}
    with logged_in() as client:
        made = client.post("/vex", asked)
    if as_json:
        print_json(made)
    else:
        print(f"VEX document {made['id']}: {made['statements']} statements, by {made['author'] or 'nobody it names'}.")


@vex.command(name="list")
def list_documents(*, as_json: AsJson = False) -> None:
    """List the documents: number, file, author, statements, where they count, who brought them, and when."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = list(client.pages("/vex", "documents", first="0"))
    if as_json:
        print_json(found)
        return
    headings = ("Document", "File", "Author", "Statements", "Repositories", "Imported by", "At")
    print_rows(headings, (_row(each) for each in found))


@vex.command
def rm(number: Annotated[int, Parameter(help="The number of the document, as wharf vex list shows it.")]) -> None:
    """Let a document count no more."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.delete(f"/vex/{number}")
    print(f"Removed VEX document {number}.")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    from wharfinger.select import parsing

    where = str(parsing.parse(each["repositories"], of="repository"))
    by = each["imported_by"], moment(each["imported_at"])
    return (str(each["id"]), each["name"], each["author"], str(each["statements"]), where, *by)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES_AT_MOST + 1)
    except OSError as error:
        raise Refusal(f"{file}: cannot read it: {error.strerror}") from error
    if len(raw) > BYTES_AT_MOST:
        raise RequestInvalid(f"{file}: a VEX document has at most {BYTES_AT_MOST} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"{file}: this is no text in UTF-8") from error
