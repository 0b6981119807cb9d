"""The command ``wharf``: what commands there are, and what is said when one is refused."""

import os
import sys
from collections.abc import Callable
from typing import Any

from cyclopts import App, CycloptsError, Group

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

COMMANDS: dict[str, tuple[App | Callable[..., Any], ...]] = {
    "The registry itself": (serve.serve, config.config, fsck.fsck, gc.gc, usage.usage),
    "Logging in": (login.login, login.logout, token.token),
    "Repositories, tags and images": (
        *(repos.repos, tags.tags, show.show, tag.tag, tag.history, tag.rollback),
        *(rm.rm, trash.trash, trash.purge, pin.pin),
    ),
    "What stays and what goes": (lifecycle.lifecycle, lifecycle_runs.explain, hold.hold, inuse.inuse),
    "What is in an image, and what is wrong with it": (
        *(scan.scan, gate.gate, verdict.verdict, find.find, diff.diff, why.why, sbom.sbom),
        *(exception.exception, vex.vex, gates.gates, gates.breakglass, advisories.advisories, scanner.scanner),
    ),
    "Who may do what": (
        *(users.users, group.group, sa.sa, secret.secret, grant.grant, grant.role),
        *(trust.issuer, trust.trust, access.access, audit.audit),
    ),
    "Policies as code": (plan.plan, plan.apply, plan.export, policy.policy),
}
"""By what one wants to do; what a command needs of the server is imported when it runs."""


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
    for number, (title, commands) in enumerate(COMMANDS.items()):
        group = Group(title, sort_key=number)
        for command in commands:
            app[_added(app, command)].group = group
    return app


def _added(app: App, command: App | Callable[..., Any]) -> str:
    """Add a command; its name."""
    before = set(app)
    app.command(command)
    (name,) = set(app) - before
    return name


def _failure(words: list[str]) -> int:
    return 2 if any(tuple(words[: len(question)]) == question for question in QUESTIONS) else 1


def _complain(problem: str) -> None:
    print(f"wharf: {problem}", file=sys.stderr)
