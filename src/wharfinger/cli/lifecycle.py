"""``wharf lifecycle``: which images stay and which go."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from wharfinger.cli import lifecycle_foreign, lifecycle_runs, policy_files
from wharfinger.cli.lifecycle_foreign import Kind
from wharfinger.cli.output import print_rows
from wharfinger.config import ConfigError
from wharfinger.errors import Refusal, RequestInvalid

lifecycle = App(name="lifecycle", help="Which images stay and which go.")
for command in lifecycle_runs.COMMANDS:
    lifecycle.command(command)


@lifecycle.command
def evaluate(
    *,
    policy: Annotated[
        Path, Parameter(help="A policy.yaml with a lifecycle section, a directory, or what --from says.")
    ],
    images: Annotated[
        Path, Parameter(help="A JSON array of images; - reads standard input.", allow_leading_hyphen=True)
    ],
    now: Annotated[str, Parameter(help="The time that it is taken to be, like 2026-01-31T00:00:00Z.")],
    kind: Annotated[Kind | None, Parameter(name="--from", help="The policy is that of another registry.")] = None,
    output: Annotated[Literal["json", "table"], Parameter(help="How to print the verdicts.")] = "json",
) -> int:
    """Say of each image what a policy would do with it at a time, and why. No server is asked and nothing is changed.

    wharf lifecycle evaluate --policy policy.yaml --images images.json --now 2026-01-31T00:00:00Z

    Prints one record for each image, in the order of the images. With --from, rules have the names that the other
    registry knows them by.
    """
    if kind is None:
        from wharfinger.lifecycle.evaluate import evaluate

        policies = policy_from(policy)
        found = [verdict.record() for verdict in evaluate(policies, images_from(images), _moment(now))]
    else:
        found = lifecycle_foreign.records(kind, policy, images_from(images), _moment(now))
    if output == "json":
        lines = (json.dumps(record) for record in found)
        sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n" if found else "[]\n")
    else:
        _print(found)
    return 0


@lifecycle.command(name="import")
def bring(
    file: Annotated[Path, Parameter(help="What the other registry exports.")],
    *,
    kind: Annotated[Kind, Parameter(name="--from", help="Which registry that is.")],
    repositories: Annotated[
        tuple[str, ...], Parameter(help="A pattern of the repositories that the policy is for; may be given again.")
    ] = (),
) -> int:
    """Print the lifecycle policy of another registry as a policy.yaml that decides the same.

    What cannot be translated exactly is refused with the reason. No server is asked and nothing is changed.

    wharf lifecycle import --from ecr ecr.json --repositories 'shop/**' > policy.yaml
    """
    sys.stdout.write(lifecycle_foreign.text(kind, file, repositories))
    return 0


def _print(records: list[dict[str, Any]]) -> None:
    headings = ("Verdict", "Repository", "ID", "Rule", "Tags removed", "Protected by", "Reason")
    keys = ("verdict", "repository", "id", "rule", "tags_removed", "protected_by", "reason")
    print_rows(headings, ([_cell(record[key]) for key in keys] for record in records))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)


def policy_from(file: Path) -> Any:
    """The policies of a file or a directory. Raises ConfigError with everything that is wrong, or Refusal."""
    from wharfinger.lifecycle import reading

    return policy_files.policy(file).parsed(reading.parse)


def images_from(file: Path) -> Any:
    """The images of a file, or of standard input. Raises ConfigError with the line of what is wrong, or Refusal."""
    from wharfinger.lifecycle import images

    text = _read(file)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError([f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{file}:1: not a list of images: nested too deep"]) from error
    try:
        return images.parse(data)
    except RequestInvalid as error:
        raise ConfigError([f"{file}:{_line(text, error.message)}: {error.message}"]) from error


def _read(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise Refusal(f"{file}: cannot read it: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}: not text in UTF-8") from error


def _line(text: str, message: str) -> int:
    """The line on which the image begins that a message is about: ``[3].pushed: …``."""
    number, _, _ = message.removeprefix("[").partition("]")
    if not number.isdecimal():
        return 1
    decoder, at = json.JSONDecoder(), text.index("[")
    for _ in range(int(number)):
        _, at = decoder.raw_decode(text, _begin(text, at + 1))
        at = _begin(text, at)
    return text.count("\n", 0, _begin(text, at + 1)) + 1


def _begin(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _moment(text: str) -> int:
    from wharfinger.lifecycle import units

    try:
        return units.moment(text)
    except RequestInvalid as error:
        raise Refusal(f"--now: {error.message}") from error
