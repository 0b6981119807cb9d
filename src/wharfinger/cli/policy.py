"""``wharf policy``: holding a policy file to what it must and must not allow."""

import sys
from pathlib import Path
from typing import Annotated, Any
from xml.sax.saxutils import quoteattr

from cyclopts import App, Parameter

from wharfinger.access.moments import moment_of
from wharfinger.cli import policy_files
from wharfinger.cli.output import clean
from wharfinger.errors import RequestInvalid

policy = App(name="policy", help="Test policy files.")

PASSED, FAILED = 0, 1


@policy.command(name="test")
def check(
    policy: Annotated[Path, Parameter(help="A policy.yaml, or a directory of *.yaml.")],
    tests: Annotated[Path, Parameter(help="A tests.yaml: who may do what, and which images stay.")],
    *,
    at: Annotated[str | None, Parameter(help="As if it were this day or time, where a test names none.")] = None,
    junit: Annotated[Path | None, Parameter(help="Also write the outcome here, as JUnit XML.")] = None,
) -> int:
    """Hold a policy file to assertions, without a server: this principal may, from here, on that day; that image stays.

    Exit status: 0 all hold, 1 one does not, 2 they cannot be run.
    """
    import time

    from wharfinger.access import policy_tests
    from wharfinger.cli.policy_offline import in_force
    from wharfinger.lifecycle.assertions import KINDS

    _, parsed = in_force(policy)
    try:
        assertions = policy_tests.parse(policy_files.read(tests), KINDS)
    except RequestInvalid as error:
        raise policy_files.told(tests, error) from error
    outcomes = assertions.run(parsed, time.time() if at is None else moment_of(at))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        _print(tests, outcome)
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} hold.", file=sys.stderr if failed else sys.stdout)
    if junit is not None:
        policy_files.write(junit, _junit(str(tests), outcomes))
    return FAILED if failed else PASSED


@policy.command
def schema() -> None:
    """Print the JSON Schema of policy.yaml (Draft 2020-12), for editors and checks."""
    import json

    from wharfinger.cli import policy_sections

    print(json.dumps(policy_sections.schema(), indent=2))


def _print(tests: Path, outcome: Any) -> None:
    print(f"{tests}:{outcome.place}: {clean(outcome.name)}")
    print(f"- {outcome.expected}")
    print(f"+ {outcome.actual}: {clean(outcome.because)}")


def _junit(suite: str, outcomes: list[Any]) -> str:
    failed = sum(not outcome.passed for outcome in outcomes)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuite name={_attribute(suite)} tests="{len(outcomes)}" failures="{failed}" errors="0">')
    for outcome in outcomes:
        opening = f"  <testcase classname={_attribute(suite)} name={_attribute(outcome.name)}"
        if outcome.passed:
            lines.append(f"{opening}/>")
            continue
        message = f"expected {outcome.expected}, is {outcome.actual}: {outcome.because}"
        lines += [f"{opening}>", f"    <failure message={_attribute(message)}/>", "  </testcase>"]
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _attribute(text: str) -> str:
    return quoteattr(clean(text))
