"""A policy file as if it were in force. Apart from the other readers: it needs what a server needs."""

from pathlib import Path

from wharfinger.access import offline
from wharfinger.access.policy_file import Policy
from wharfinger.access.snapshot import Snapshot
from wharfinger.cli import policy_files, policy_sections
from wharfinger.errors import RequestInvalid


def in_force(file: Path) -> tuple[Snapshot, Policy]:
    """The snapshot it would make. Raises ConfigError with all that is wrong, or Refusal."""
    text = policy_files.read(file)
    try:
        parsed = policy_sections.parse(text)
        return offline.in_force(parsed.access), parsed
    except RequestInvalid as error:
        raise policy_files.told(file, error) from error
