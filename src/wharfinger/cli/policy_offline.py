"""A policy, of a file or a directory, as if it were in force. Apart from others: it needs what a server needs."""

from pathlib import Path

from wharfinger.access import offline
from wharfinger.access.policy_file import Policy
from wharfinger.access.snapshot import Snapshot
from wharfinger.cli import policy_files, policy_sections


def in_force(file: Path) -> tuple[Snapshot, Policy]:
    """The snapshot it would make. Raises ConfigError with all that is wrong, or Refusal."""
    return policy_files.policy(file).parsed(_in_force)


def _in_force(text: str) -> tuple[Snapshot, Policy]:
    parsed = policy_sections.parse(text)
    return offline.in_force(parsed.access), parsed
