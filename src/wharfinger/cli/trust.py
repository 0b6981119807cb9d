"""``wharf issuer`` and ``wharf trust``: workloads that act as service accounts without any stored secret."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wharfinger.cli.output import AsJson, clean, print_json, print_rows
from wharfinger.errors import Refusal

issuer = App(name="issuer", help="Register issuers of workload tokens: GitHub Actions, GitLab CI, Kubernetes, others.")
trust = App(name="trust", help="Say which workloads may act as which service account.")

TOKEN_AT_MOST = 64 * 1024

Url = Annotated[str, Parameter(help="The issuer's URL, letter for letter the iss of its tokens.")]
ServiceAccount = Annotated[str, Parameter(help="A service account.")]


@issuer.command(name="list")
def list_issuers(*, as_json: AsJson = False) -> None:
    """List the issuers that are registered, and the audience that their tokens need here."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/issuers")["issuers"]
    if as_json:
        print_json(found)
        return
    header = ("Issuer", "Audience", "Keys")
    print_rows(header, ((each["url"], each["audience"], _keys(each)) for each in found))


@issuer.command(name="add")
def add_issuer(
    url: Url,
    *,
    audience: Annotated[str, Parameter(help="What tokens must be made for: of this registry alone, like its URL.")],
    jwks: Annotated[
        Path | None, Parameter(help="A file with its public keys (JWKS), instead of fetching them.")
    ] = None,
    allow_private: Annotated[
        bool, Parameter(negative="", help="Its keys may be fetched from a private network, or from this machine.")
    ] = False,
    replace: Annotated[
        bool, Parameter(negative="", help="It is registered already: change that, keep its rules.")
    ] = False,
) -> None:
    """Register an issuer of workload tokens. Unless its keys are given, they are fetched now and whenever they change.

    Nothing may be done with its tokens until there is a rule: wharf trust add.
    """
    from wharfinger.cli.client import logged_in

    fields: dict[str, Any] = {"url": url, "audience": audience, "private": allow_private, "replace": replace}
    if jwks is not None:
        fields["jwks"] = _read(jwks)
    with logged_in() as client:
        client.post("/issuers", fields)
    print(f"{'Changed' if replace else 'Registered'} {url} for tokens with the audience {audience}.")


@issuer.command(name="rm")
def rm_issuer(url: Url) -> None:
    """Remove an issuer with all its rules; the access tokens that were had by them end."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        gone = client.delete_with("/issuers", url=url)["trusts"]
    print(f"Removed {url} and {len(gone)} {'rule' if len(gone) == 1 else 'rules'}.")


@trust.command(name="list")
def list_(
    *, account: Annotated[str | None, Parameter(help="Only for this service account.")] = None, as_json: AsJson = False
) -> None:
    """List the rules: those for service accounts that you own, or all if you administer or audit the registry."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = [each for each in client.get("/trusts")["trusts"] if account in {None, each["account"]}]
    if as_json:
        print_json(found)
        return
    rows = ((str(each["id"]), each["account"], each["issuer"], _claims(each["claims"])) for each in found)
    print_rows(("Id", "Account", "Issuer", "Claims"), rows)


@trust.command
def add(
    account: ServiceAccount,
    issuer: Annotated[str, Parameter(help="A registered issuer's URL.")],
    claims: Annotated[list[str], Parameter(help="CLAIM=VALUE, all of which must match; repeated, one of its values.")],
    *,
    allow_names: Annotated[
        bool,
        Parameter(negative="", help="Accept a rule without the id of an owner or repository: names can change hands."),
    ] = False,
) -> None:
    """Let workloads whose token has these claims act as a service account. Values are exact; there are no wildcards.

    A claim within another is written as a JSON pointer: /kubernetes.io/namespace=build
    """
    from wharfinger.cli.client import logged_in

    fields = {"account": account, "issuer": issuer, "claims": parse_claims(claims), "allow_names": allow_names}
    with logged_in() as client:
        made = client.post("/trusts", fields)
    print(f"Rule {made['id']}: workloads of {issuer} with {_claims(made['claims'])} may act as {account}.")
    for warning in made["warnings"]:
        print(f"wharf: note: {clean(warning)}", file=sys.stderr)


@trust.command
def rm(id: Annotated[int, Parameter(help="The rule's number, from wharf trust list.")]) -> None:
    """Take a rule back; the access tokens that were had by it end."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        client.delete(f"/trusts/{id}")
    print(f"Removed rule {id}.")


@trust.command(name="test")
def try_(
    account: ServiceAccount,
    *,
    token_file: Annotated[
        Path, Parameter(allow_leading_hyphen=True, help="The file with the workload's token; - for standard input.")
    ],
    as_json: AsJson = False,
) -> int:
    """Say, claim by claim, whether a workload's token may be exchanged for this account.

    The token is sent to the registry, which it is made for, and is not exchanged. Exit status: 0 it may, 1 it may not,
    2 no answer.
    """
    from wharfinger.cli.client import logged_in

    token = _read(token_file).strip()
    with logged_in() as client:
        tried = client.post("/trusts/test", {"account": account, "token": token})
    if as_json:
        print_json(tried)
    else:
        _print_tried(account, tried)
    return 0 if tried["accepted"] else 1


def parse_claims(words: list[str]) -> dict[str, list[str]]:
    """``claim=value`` words as claim → its values. Raises Refusal."""
    found: dict[str, list[str]] = {}
    for word in words:
        claim, equals, value = word.partition("=")
        if not claim or not equals:
            raise Refusal(f"{word!r} is not CLAIM=VALUE, like repository_id=123")
        found.setdefault(claim, []).append(value)
    return found


def _print_tried(account: str, tried: dict[str, Any]) -> None:
    print("The token says:")
    for claim, value in tried["claims"].items():
        print(f"  {clean(claim)} = {clean(value)}")
    for rule in tried["rules"]:
        print(f"Rule {rule['id']}:")
        for each in rule["claims"]:
            verdict, wanted = "ok" if each["matches"] else "NO", " or ".join(map(repr, each["wanted"]))
            print(f"  {verdict}  {clean(each['claim'])} is {clean(each['found'])}, want {clean(wanted)}")
    if tried["accepted"]:
        print(f"Accepted: it may act as {account}.")
    else:
        print(f"Refused: {clean(tried['why'])}.")


def _keys(each: dict[str, Any]) -> str:
    return f"{each['keys']}{', private network' if each['private'] else ''}"


def _claims(claims: dict[str, list[str]]) -> str:
    return " ".join(f"{claim}={'|'.join(values)}" for claim, values in claims.items())


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            text = sys.stdin.read(TOKEN_AT_MOST + 1)
        else:
            with file.open(encoding="ascii") as stream:
                text = stream.read(TOKEN_AT_MOST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in ASCII"
        raise Refusal(f"cannot read {file}: {reason}") from error
    if len(text) > TOKEN_AT_MOST:
        raise Refusal(f"{file} has more than {TOKEN_AT_MOST} characters")
    return text
