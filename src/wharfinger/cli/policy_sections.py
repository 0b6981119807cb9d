"""What a command needs of the sections of ``policy.yaml`` beside ``access``, which it reads without a server."""

from wharfinger.access import policy_file, policy_sections
from wharfinger.access.policy_file import Policy
from wharfinger.tagging import section as tags

SECTIONS = (tags.SECTION,)
"""The same as the server's: see ``app.py``."""


def parse(text: str) -> Policy:
    """The policy that ``text`` is. Raises RequestInvalid."""
    return policy_file.parse(text, policy_sections.readers(SECTIONS))
