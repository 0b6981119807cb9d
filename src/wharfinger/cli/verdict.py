"""``wharf verdict``: what the registry knows of an image that was pushed to it."""

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import references
from wharfinger.cli.findings import worst_first
from wharfinger.cli.output import AsJson, clean, counted, moment, print_json, print_rows
from wharfinger.cli.references import ImageName

SEVERITIES = ("critical", "high", "medium", "low", "none", "unknown")
STATES = {
    "waiting": "it waits to be scanned",
    "unscanned": "it was never scanned: ask for it with --scan",
    "nothing-to-scan": "there is no file system in it, and so nothing to scan",
}


def verdict(
    image: ImageName,
    *,
    scan: Annotated[bool, Parameter(negative="", help="Ask for it to be scanned again, and show nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is known to be wrong with an image of the registry, by which advisories, and since when.

    Every image is scanned when it is pushed, and judged again when the advisories change.
    """
    from wharfinger.cli.client import logged_in

    wanted = references.parse(image)
    path = f"/verdicts/{wanted.repository}/{wanted.reference}"
    with logged_in() as client:
        found = client.post(path, {}) if scan else client.get(path)
    if as_json:
        print_json(found)
    elif scan:
        print(f"{found['images']} to be scanned.")
    else:
        for each in found["images"]:
            _print(each)


def _print(image: dict[str, Any]) -> None:
    known, state = image["verdict"], image["state"]
    print(f"{image['digest']}  {known['report']['platform'] if known else ''}".rstrip())
    if state in STATES:
        print(f"  {STATES[state]}")
    for line in _of_gate(image["gate"]):
        print(clean(f"  {line}"))
    if known is None:
        return
    advisories = f"the advisories {known['advisories']}" if known["advisories"] else "no advisories at all"
    print(f"  {known['status']}, judged {moment(known['judged_at'])} by {advisories}")
    print(f"  read by {known['cataloguer']}; nothing else is said since {moment(known['changed_at'])}")
    counts = ", ".join(f"{known['counts'][each]} {each}" for each in SEVERITIES if known["counts"].get(each))
    fixable = sum(known["fixable"].values())
    fixed = f", of which {fixable} have a fix" if fixable else ""
    suppressed = f"; {known['suppressed']} suppressed" if known["suppressed"] else ""
    print(f"  findings: {counts or 'none'}{fixed}{suppressed}")
    for each in known["report"]["not_assessed"]:
        print(f"  not assessed: {counted(each['packages'], 'package')} of {each['ecosystem']}: {each['reason']}")
    for each in known["report"]["problems"]:
        print(f"  not read: {each['layer']} {each['path']}: {each['reason']}")
    for each in image["scanners"]:
        print(f"  {_of_scanner(each)}")
    for each in known["unmatched"]:
        nearest = f"; the nearest is {each['nearest']}" if each["nearest"] else ""
        print(clean(f"  VEX {each['statement']} met nothing: {each['reason']}{nearest}"))
    for each in known["vex_beside"]:
        print(clean(f"  {_beside(each)}"))
    headings = ("Severity", "Vulnerability", "Package", "Version", "Fixed in", "Suppressed", "Known since", "Found by")
    shown = headings if image["scanners"] else headings[:-1]
    print_rows(shown, worst_first(_row(each)[: len(shown)] for each in known["report"]["findings"]))


def _beside(document: dict[str, Any]) -> str:
    if document["counts"]:
        return f"VEX document {document['digest'][:19]} by {document['pushed_by']} counts: the rule {document['rule']}"
    return f"VEX document {document['digest'][:19]} by {document['pushed_by']} does not count: {document['why_not']}"


def _row(finding: dict[str, Any]) -> tuple[str, ...]:
    known = " (known to be exploited)" if finding["kev"] else ""
    package = finding["package"], finding["version"], finding["fixed"] or finding["state"]
    rest = (
        finding["suppressed"] or "",
        (finding.get("known_since") or "").partition("T")[0],
        ", ".join(finding["scanners"]),
    )
    return (finding["severity"], finding["id"] + known, *package, *rest)


def _of_gate(gate: dict[str, Any] | None) -> Iterator[str]:
    """What decides about pulls, and what it would answer to one."""
    if gate is None:
        yield "policy: no gate rule covers the repository"
        return
    rules = ", ".join(gate["rules"])
    answer = {"allow": "allowed", "warn": "warned of", "block": "refused"}[gate["outcome"]]
    yield f"policy: the gate rules {rules}" + ("" if gate["settled"] else "; it is about to be judged by them")
    yield f"a pull is {answer}" + (f" by {gate['reason']}" if gate["reason"] else "")
    if gate["outcome"] == "block" and gate["grandfathered"]:
        yield "it passes all the same: it was in use already"
    elif gate["outcome"] == "block" and gate["breakglass"] is not None:
        glass = gate["breakglass"]
        yield f"it passes by break-glass {glass['id']} until {moment(glass['until'])}: {glass['because']}"


def _of_scanner(said: dict[str, Any]) -> str:
    parts = []
    if said["reported_at"] is not None:
        by = " ".join(word for word in (said["name"], said["version"]) if word)
        parts.append(f"{said['vulnerabilities']} vulnerabilities by {by}, {moment(said['reported_at'])}")
    parts += [said["problem"]] if said["problem"] else []
    parts += ["it was asked and has not answered yet"] if said["waiting"] else []
    return f"{said['scanner']}: {'; '.join(parts)}"
