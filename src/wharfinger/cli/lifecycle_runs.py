"""``wharf lifecycle plan`` and ``apply``, its runs, and ``wharf explain``: what goes of what a server stores."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import ask, policy_files, references
from wharfinger.cli.output import AsJson, amount, clean, counted, moment, print_json, print_rows
from wharfinger.cli.policy_files import Source
from wharfinger.cli.references import ImageName
from wharfinger.errors import Refusal
from wharfinger.spec import names

NOTHING, CHANGES, LEFT = 0, 2, 3
BROWNOUT = "brown-out"
LINES = "application/jsonl"
PLAN_AT_MOST = 1024 * 1024 * 1024
EXAMPLES = 3
POLL_SECONDS = 0.3

RunNumber = Annotated[int, Parameter(help="The run's number, as wharf lifecycle runs has it.")]


def plan(
    *,
    repository: Annotated[
        tuple[str, ...], Parameter(help="A pattern of the repositories to plan for; may be given again.")
    ] = (),
    out: Annotated[Path | None, Parameter(help="Save the plan here, for wharf lifecycle apply.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show which images would go, by which rule and why, and what that would give back. Changes nothing.

    A plan is lines of JSON: a head, one line for each repository, the sum. It can be applied for 7 days.

    wharf lifecycle plan --repository 'shop/**' --out plan.json

    Exit status: 0 nothing to do, 2 something goes.
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client, _writing(out, as_json=as_json) as write:
        lines = client.lines("/lifecycle/plan", {"repositories": list(repository)} if repository else {})
        total = _show(_kept_in(write, lines), quiet=as_json)
    return CHANGES if total["delete"] or total["untag"] else NOTHING


def apply(
    file: Annotated[Path, Parameter(help="A plan that was saved with wharf lifecycle plan --out.")],
    *,
    skip_changed: Annotated[bool, Parameter(negative="", help="Leave out what has changed since the plan.")] = False,
    over_ceiling: Annotated[
        str, Parameter(help="Why more may go than the policies' ceiling, or although the clock seems wrong.")
    ] = "",
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
) -> int:
    """Delete what a plan lists, and nothing else, after looking at all of it again; or begin its brown-out.

    When an image would stay by now, nothing is deleted and the image is named. What is deleted goes to the trash, and
    wharf lifecycle undo brings it back. Exit status: 0 done, 3 something was left, and the report says why.

    wharf lifecycle apply plan.json

    wharf lifecycle apply plan.json --skip-changed --yes
    """
    from wharfinger.cli.client import logged_in
    from wharfinger.lifecycle import plan_file

    raw = _read(file)
    with _told_of(file):
        wanted = plan_file.without_kept(raw)
    total = _show(iter(raw.splitlines()), quiet=False)
    if not total["delete"] and not total["untag"]:
        return NOTHING
    if not yes and not ask.agrees("Apply this?"):
        raise Refusal("nothing was deleted")
    how = {"skip_changed": str(skip_changed).lower(), "over_ceiling": over_ceiling}
    with logged_in() as client:
        with _told_of(file):
            id = client.send("/lifecycle/apply", wanted, LINES, **how)["id"]
        found = _ended(client, id)
    return _report(found)


def runs(*, as_json: AsJson = False) -> None:
    """List the latest runs: your own, and all if you may read the audit trail.

    wharf lifecycle runs --json
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get("/lifecycle/runs")["runs"]
    if as_json:
        print_json(found)
        return
    rows = (
        (str(run["id"]), run["kind"], run["state"], run["who"], moment(run["started_at"]), _goes(run), _counted(run))
        for run in found
    )
    print_rows(("Run", "By", "State", "Who", "Began", "Goes", "Images"), rows)


def run(id: RunNumber, *, as_json: AsJson = False) -> int:
    """Show what a run did, image by image. Exit status: 0 all was done, 3 something was left.

    wharf lifecycle run 7
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found = client.get(f"/lifecycle/runs/{id}")
    if as_json:
        print_json(found)
        return NOTHING
    print_rows(HEADINGS, ([_cell(item[key]) for key in KEYS] for item in found["items"]))
    return _report(found)


def doomed(
    repository: Annotated[str | None, Parameter(help="Of this repository; of all where it is left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what will go when a brown-out ends, and what a pull has taken off that list.

    Columns: doomed or spared, image, when it goes, by which run, its tags, and why.

    wharf lifecycle doomed shop/web
    """
    from wharfinger.cli.client import logged_in

    wanted = {} if repository is None else {"repository": names.repository(repository)}
    with logged_in() as client:
        found = list(client.pages("/doomed", "doomed", **wanted))
    if as_json:
        print_json(found)
        return
    print_rows(("State", "Image", "Goes", "Run", "Tags", "Why"), map(_doomed, found))


def undo(id: RunNumber) -> int:
    """Bring back what a run took: images from the trash, and tags where they are free. Safe to repeat.

    Exit status: 0 all is back, 3 something is not, and what is said.

    wharf lifecycle undo 7
    """
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        is_doomed = client.get(f"/lifecycle/runs/{id}")["run"]["state"] == BROWNOUT
        found = client.post(f"/lifecycle/runs/{id}/undo", {})
    print(f"{'Taken off the list' if is_doomed else 'Brought back'}: {_images(found['restored'])}.")
    for what in found["lost"]:
        print(f"lost: {clean(what)}", file=sys.stderr)
    for what in found["tags_left"]:
        print(f"left: {clean(what)}", file=sys.stderr)
    return LEFT if found["lost"] or found["tags_left"] else NOTHING


def explain(image: ImageName, *, as_json: AsJson = False) -> None:
    """Say why an image is there, what protects it, and when it will go if nothing changes.

    wharf explain shop/web:1.4.2
    """
    from wharfinger.cli.client import logged_in, quoted

    wanted = references.parse(image)
    with logged_in() as client:
        found = client.get(f"/explain/{wanted.repository}/{quoted(wanted.reference)}")
    if as_json:
        print_json(found)
        return
    print(f"{found['repository']}@{found['digest']}")
    if found["brownout"] is not None:
        print(_in_brownout(found["brownout"]))
    _explain("now", found["now"])
    if found["next"] is not None:
        _explain(f"from {_written(found['next_at'])}", found["next"])
    elif found["known_until"] is not None:
        print(f"until {_written(found['known_until'])} at least: the same")
    else:
        print("later: the same, as long as nothing is pushed, pulled, tagged or changed")


def _written(time: str) -> str:
    return moment(datetime.fromisoformat(time).timestamp())


def replay(
    *,
    days: Annotated[int, Parameter(help="How far back.")] = 90,
    policy: Annotated[Path | None, Parameter(help="A policy.yaml, or a directory; else what is in force.")] = None,
    as_json: AsJson = False,
) -> int:
    """Say which recorded pulls would have failed, and whose, had a policy been in force for some days.

    What is not known any more, because it was purged or is gone from the trash, cannot be told of. Exit status: 0
    none would have failed, 2 some would.

    wharf lifecycle replay --days 30 --policy policy.yaml
    """
    from wharfinger.cli.client import logged_in

    text = None if policy is None else _checked(policy_files.policy(policy))
    with logged_in() as client:
        found = client.post("/lifecycle/replay", {"days": days, "policy": text})
    if as_json:
        print_json(found)
        return CHANGES if found["failing"] else NOTHING
    headings = ("Pulls", "Who", "Repository", "Tag", "Digest", "Last", "Gone since", "Rule")
    keys = ("account", "repository", "tag", "digest")
    rows = (
        (
            str(each["count"]),
            *(_cell(each[key]) for key in keys),
            moment(each["last"]),
            moment(each["since"]),
            _cell(each["rule"]),
        )
        for each in found["failed"]
    )
    print_rows(headings, rows)
    print(f"{found['failing']} of {found['pulls']} recorded pulls would have failed.", file=sys.stderr)
    return CHANGES if found["failing"] else NOTHING


def _checked(source: Source) -> str:
    """Its text, which has lifecycle policies. Raises ConfigError with all that is wrong."""
    from wharfinger.lifecycle import reading

    source.parsed(reading.parse)
    return source.text


COMMANDS = (plan, apply, runs, run, doomed, undo, replay)
"""What stands below ``wharf lifecycle``."""

HEADINGS = ("State", "Repository", "Digest", "Tags", "Rule", "Reason")
KEYS = ("state", "repository", "digest", "tags", "rule", "reason")

WORDS = {"keep": "it stays", "delete": "it goes", "untag": "it stays and loses tags"}


def _explain(when: str, verdict: dict[str, Any]) -> None:
    # The reason says what the rule would do with what is protected: it does not stay by that rule.
    rule = f", by {verdict['rule']}" if verdict["rule"] and not verdict["protected_by"] else ""
    protected = f" (protected by {verdict['protected_by']})" if verdict["protected_by"] else ""
    print(clean(f"{when}: {WORDS[verdict['verdict']]}{rule}: {verdict['reason']}{protected}"))


@contextmanager
def _writing(out: Path | None, *, as_json: bool) -> Iterator[Callable[[bytes], object]]:
    """What takes the lines: a file, standard output, or nothing. Raises Refusal."""
    if out is None:
        yield sys.stdout.buffer.write if as_json else len
        return
    try:
        with out.open("wb") as opened:
            yield opened.write
    except OSError as error:
        raise Refusal(f"{out}: cannot write it: {error.strerror}") from error


def _kept_in(write: Callable[[bytes], object], lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        write(line + b"\n")
        yield line


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """Refusals of a line of a plan, here and by the server, say in which file it is."""
    try:
        yield
    except Refusal as error:
        if not error.message.startswith("line "):
            raise
        raise Refusal(f"{file}: {error.message}") from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(PLAN_AT_MOST)
    except OSError as error:
        raise Refusal(f"{file}: cannot read it: {error.strerror}") from error


def _show(lines: Iterable[bytes], *, quiet: bool) -> dict[str, Any]:
    """Print what goes; the sum. Raises Refusal where it is missing."""
    last: dict[str, Any] = {}
    for number, line in enumerate(lines):
        last = json.loads(line)
        if number and "repository" in last and not quiet:
            _show_repository(last)
    if "repositories" not in last:
        raise Refusal("the plan was cut short: try again")
    if not quiet:
        _show_total(last)
    return last


def _show_repository(part: dict[str, Any]) -> None:
    for sign, key in (("-", "delete"), ("~", "untag"), ("(-)", "observed_delete"), ("(~)", "observed_untag")):
        for why in part.get(key, ()):
            images, name = why["images"], part["repository"]
            frees = sum(image.get("frees", 0) for image in images)
            print(clean(f"{sign} {name}: {_images(len(images))}, {amount(frees)}: {why['reason']}"))
            for image in images[:EXAMPLES]:
                print(clean(f"    {image['digest']} {' '.join(image.get('tags', ()))}".rstrip()))
            if len(images) > EXAMPLES:
                print(f"    and {len(images) - EXAMPLES} more")
    if part.get("over_ceiling"):
        print(clean(f"! {part['repository']}: more than {part.get('ceiling', 0)}% of it: a person has to agree"))


def _show_total(total: dict[str, Any]) -> None:
    untagged = f", {_images(total['untag'])} would lose tags" if total["untag"] else ""
    print(f"{total['delete']} of {_images(total['images'])} would go{untagged}; that frees {amount(total['frees'])}.")
    if total["unnamed"]:
        count = total["unnamed"]
        print(f"With them go {count} tags that no rule names: see the reasons above.", file=sys.stderr)
    if total["observed"]:
        print(f"Marked ( ): what policies would do that only observe, {_images(total['observed'])}.", file=sys.stderr)


def _images(count: int) -> str:
    return counted(count, "image")


def _ended(client: Any, id: int) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = client.get(f"/lifecycle/runs/{id}")
        if found["run"]["finished_at"] is not None or found["run"]["state"] == BROWNOUT:
            return found
        time.sleep(POLL_SECONDS)


def _report(found: dict[str, Any]) -> int:
    run, counts = found["run"], found["counts"]
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "nothing to do"
    print(f"Run {run['id']} {run['state']}: {told}.")
    if goes := _goes(run):
        print(f"What is doomed goes at {goes}, unless it is pulled before; wharf lifecycle undo {run['id']} keeps it.")
    if why := run["report"].get("why"):
        print(clean(why), file=sys.stderr)
    left = [item for item in found["items"] if item["state"] in {"changed", "over", "waiting"}]
    for item in left[:20]:
        why = "over the ceiling" if item["state"] == "over" else item["reason"]
        print(clean(f"left: {item['repository']}@{item['digest']}: {why}"), file=sys.stderr)
    return LEFT if left or run["state"] in {"stopped", "refused", "interrupted"} else NOTHING


def _goes(run: dict[str, Any]) -> str:
    return moment(run["report"]["goes_at"]) if run["state"] == BROWNOUT else ""


def _doomed(each: dict[str, Any]) -> tuple[str, ...]:
    state = "doomed" if each["spared_at"] is None else "spared"
    image, tags = f"{each['repository']}@{each['digest']}", " ".join(each["tags"])
    return state, image, moment(each["goes_at"]), str(each["run"]), tags, each["reason"]


def _in_brownout(each: dict[str, Any]) -> str:
    goes = f"brown-out: run {each['run']} takes it at {moment(each['goes_at'])}"
    if each["spared_at"] is None:
        return f"{goes}, unless somebody pulls it before"
    return f"{goes} no more: it was pulled at {moment(each['spared_at'])}, and stays until the next plan"


def _counted(run: dict[str, Any]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(run["report"].get("images", {}).items()))


def _cell(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
