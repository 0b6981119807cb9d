"""``wharf plan``, ``wharf apply``, ``wharf export``: who may do what, as a file under version control."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import ask, policy_files
from wharfinger.cli.output import AsJson, clean, print_json
from wharfinger.cli.policy_files import Source
from wharfinger.errors import Refusal, RequestInvalid

PLAN = "wharfinger-plan/1"
"""What a saved plan says that it is."""
SIGNS = {"add": "+", "change": "~", "remove": "-"}
NOTHING, CHANGES = 0, 2

PolicyFile = Annotated[Path, Parameter(help="A policy.yaml, or a directory of *.yaml; /dev/stdin is standard input.")]
Prune = Annotated[bool, Parameter(negative="", help="Also remove what the file's sections leave out.")]


def plan(
    file: PolicyFile,
    *,
    out: Annotated[Path | None, Parameter(help="Save the plan here, for wharf apply.")] = None,
    prune: Prune = False,
    as_json: AsJson = False,
) -> int:
    """Show what a policy file would change: who gains or loses what, which images would go. Changes nothing.

    Exit status: 0 nothing to do, 2 there are changes, 1 it cannot be applied.
    """
    source = _checked(policy_files.policy(file))
    found = _ask("/policy/plan", {"policy": source.text, "prune": prune})
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found["problems"]:
        raise source.told(RequestInvalid("", problems=found["problems"]))
    if out is not None:
        held = {name: found[name] for name in ("prune", "revision", "hash")}
        saved = {"format": PLAN, "policy": source.text} | held
        policy_files.write(out, json.dumps(saved, indent=2) + "\n")
    return CHANGES if found["changes"] or found["kept"] else NOTHING


def apply(
    file: Annotated[Path, Parameter(help="A policy.yaml, a directory of *.yaml, or what plan --out saved.")],
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    prune: Prune = False,
) -> int:
    """Make the changes of a policy file or a saved plan, all or none. Applied again, it changes nothing.

    A saved plan is refused when access has changed since it was made.
    """
    source = policy_files.policy(file)
    fields = _fields(file, source, prune)
    seen = _ask("/policy/plan", {name: fields[name] for name in ("policy", "prune")})
    if seen["problems"]:
        raise source.told(RequestInvalid("", problems=seen["problems"]))
    _print(seen)
    if not seen["changes"]:
        return NOTHING
    if not yes and not ask.agrees("Apply this?"):
        raise Refusal("nothing was applied")
    # What was shown is what is done: if access changes between the two, the second is refused.
    made = _ask("/policy/apply", {"hash": seen["hash"]} | fields)
    print(f"Applied {_count(made['changes'])}.")
    return NOTHING


def export(
    *, out: Annotated[Path | None, Parameter(help="Write it here instead of to standard output.")] = None
) -> None:
    """Print what is in force now, from access to lifecycle, as a policy file. Applied as it is, it changes nothing."""
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        text = client.get("/policy")["policy"]
    if out is None:
        print(text, end="")
    else:
        policy_files.write(out, text)


def _fields(file: Path, source: Source, prune: bool) -> dict[str, Any]:
    """What is sent: of a policy its text, of a plan what it says and the hash that holds it to it."""
    if not source.text.lstrip().startswith("{") or f'"{PLAN}"' not in source.text:
        return {"policy": _checked(source).text, "prune": prune}
    if prune:
        raise Refusal("a saved plan says itself whether it prunes: leave --prune out, or plan again with it")
    try:
        saved = json.loads(source.text)
        return {"policy": str(saved["policy"]), "prune": saved["prune"] is True, "hash": str(saved["hash"])}
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{file}: not a plan that wharf plan --out saved") from error


def _checked(source: Source) -> Source:
    """The same, which is a policy. Raises ConfigError with all that is wrong."""
    from wharfinger.cli import policy_sections

    source.parsed(policy_sections.parse)
    return source


def _ask(path: str, fields: dict[str, Any]) -> Any:
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        return client.post(path, fields)


def _print(found: dict[str, Any]) -> None:
    for change in found["changes"]:
        _print_change(SIGNS[change["kind"]], change)
    for change in found["kept"]:
        _print_change("(-)", change)
    if found["kept"]:
        print(f"{_count(found['kept'], 'removal')} marked (-): left undone without --prune.", file=sys.stderr)
    if not found["changes"]:
        print("Nothing to do." if not found["kept"] else "Nothing else to do.", file=sys.stderr)


def _print_change(sign: str, change: dict[str, Any]) -> None:
    print(f"{sign} {clean(change['text'])}")
    if change["effect"]:
        print(f"{' ' * len(sign)} {clean(change['effect'])}")


def _count(changes: list[Any], word: str = "change") -> str:
    return f"{len(changes)} {word}{'' if len(changes) == 1 else 's'}"
