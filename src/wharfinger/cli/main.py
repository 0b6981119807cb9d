"""The command ``wharf``: what commands there are, and what is said when one is refused."""

import os
import sys
from collections.abc import Callable
from typing import Any

from cyclopts import App, CycloptsError

from wharfinger import __version__
from wharfinger.cli import (
    access,
    advisories,
    audit,
    config,
    diff,
    exception,
    find,
    fsck,
    gate,
    gates,
    gc,
    grant,
    group,
    hold,
    inuse,
    lifecycle,
    lifecycle_runs,
    login,
    pin,
    plan,
    policy,
    repos,
    rm,
    sa,
    sbom,
    scan,
    scanner,
    secret,
    serve,
    show,
    tag,
    tags,
    token,
    trash,
    trust,
    usage,
    users,
    verdict,
    vex,
    why,
)
from wharfinger.config import ConfigError
from wharfinger.errors import Refusal

COMMANDS: tuple[App | Callable[..., Any], ...] = (
    serve.serve,
    config.config,
    login.login,
    login.logout,
    repos.repos,
    tags.tags,
    show.show,
    rm.rm,
    trash.trash,
    trash.purge,
    hold.hold,
    gates.breakglass,
    inuse.inuse,
    pin.pin,
    scan.scan,
    verdict.verdict,
    scanner.scanner,
    gate.gate,
    gates.gates,
    exception.exception,
    vex.vex,
    sbom.sbom,
    diff.diff,
    why.why,
    find.find,
    tag.tag,
    tag.history,
    tag.rollback,
    users.users,
    group.group,
    grant.grant,
    grant.role,
    sa.sa,
    secret.secret,
    token.token,
    access.access,
    plan.plan,
    plan.apply,
    plan.export,
    policy.policy,
    lifecycle.lifecycle,
    lifecycle_runs.explain,
    gc.gc,
    trust.issuer,
    trust.trust,
    audit.audit,
    fsck.fsck,
    usage.usage,
    advisories.advisories,
)
"""One for each module beside this one; what a command needs of the server is imported when it runs."""


QUESTIONS = (
    *(("access", "explain"), ("access", "review"), ("audit", "verify"), ("policy", "test"), ("trust", "test")),
    *(("scan",), ("sbom",), ("gate",), ("diff",), ("why",)),
)
"""Commands that answer by their exit status: 1 is a no. That there is no answer is 2, or a script took it for a no."""


def main() -> None:
    """Run the command that was asked for and exit: 0 done, 1 refused, 2 not understood, or no answer to a question."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command; its exit status."""
    try:
        result = build()(words, exit_on_error=False)
    except CycloptsError:
        return 2  # and it has been printed
    except ConfigError as error:
        for problem in error.problems:
            _complain(problem)
        return _failure(words)
    except Refusal as refusal:
        _complain(refusal.message)
        return _failure(words)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough (`wharf repos | head`); Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return result if isinstance(result, int) else 0


def build() -> App:
    """The application with all its commands."""
    app = App(
        name="wharf",
        help="Wharfinger, a container registry and its management.",
        version=__version__,
        result_action="return_value",
    )
    for command in COMMANDS:
        app.command(command)
    return app


def _failure(words: list[str]) -> int:
    return 2 if any(tuple(words[: len(question)]) == question for question in QUESTIONS) else 1


def _complain(problem: str) -> None:
    print(f"wharf: {problem}", file=sys.stderr)
