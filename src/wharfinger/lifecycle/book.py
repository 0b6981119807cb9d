"""The lifecycle policies that are in force, compiled once for each revision of them."""

import json

from sqlalchemy import Connection

from wharfinger.errors import RequestInvalid, Unavailable
from wharfinger.lifecycle import parsing
from wharfinger.lifecycle.reading import WORD
from wharfinger.lifecycle.rules import Policies
from wharfinger.meta import policy_sections


class PolicyBook:
    """The policies as they are in the database."""

    def __init__(self) -> None:
        self._known: tuple[str, Policies] = (policy_sections.NO_REVISION, ())

    def policies(self, tx: Connection) -> Policies:
        """What this transaction sees. Raises Unavailable when they cannot be read: then nobody knows what may go."""
        body = policy_sections.read(tx, WORD)
        return self._compiled(body.revision, body.text)

    def held(self, tx: Connection) -> Policies:
        """The same, and nobody changes them before this transaction ends."""
        revision = policy_sections.hold(tx, WORD)
        known, found = self._known
        return found if revision == known else self.policies(tx)

    def _compiled(self, revision: str, text: str) -> Policies:
        known, found = self._known  # one assignment, one look: several threads may come here at once
        if revision != known:
            found = compiled(text)
            self._known = (revision, found)
        return found


def compiled(body: str) -> Policies:
    """The policies of a stored section."""
    data = json.loads(body)
    if not data:
        return ()
    try:
        return parsing.parse(data)
    except RequestInvalid as error:
        raise Unavailable("this version cannot read the lifecycle policies: apply them again") from error
