"""What a command needs of the sections of ``policy.yaml`` beside ``access``, which it reads without a server."""

from typing import Any

from wharfinger.access import policy_file, policy_sections
from wharfinger.access import repository_section as repositories
from wharfinger.access.policy_file import Policy
from wharfinger.lifecycle import reading as lifecycle
from wharfinger.lifecycle.schema import document
from wharfinger.scanning import trust, trusting
from wharfinger.scanning.admission import section as gates
from wharfinger.scanning.admission.schema import gates as gate_rules
from wharfinger.tagging import section as tags
from wharfinger.tagging.schema import tags as tag_rules

SECTIONS = (repositories.SECTION, tags.SECTION, lifecycle.SECTION, gates.SECTION, trusting.SECTION)
"""The same as the server's: see ``services.py``."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a whole ``policy.yaml``; of ``access`` it says that it may be there."""
    found = document()
    found["properties"]["repositories"] = repositories.schema()
    found["properties"]["tags"] = tag_rules()
    found["properties"]["gates"] = gate_rules()
    found["properties"]["vex"] = trust.schema()
    return found


def parse(text: str) -> Policy:
    """The policy that ``text`` is. Raises RequestInvalid."""
    return policy_file.parse(text, policy_sections.readers(SECTIONS))
