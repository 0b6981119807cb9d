"""What the management API needs to be given."""

from dataclasses import dataclass

from wharfinger.access.accounts import Accounts
from wharfinger.access.audit import Audit
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.granting import Granting
from wharfinger.access.groups import Groups
from wharfinger.meta.db import Database
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.pulls import Pulls


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the routes."""

    db: Database
    authenticator: Authenticator
    accounts: Accounts
    pulls: Pulls
    deletes: Deletes
    groups: Groups
    granting: Granting
    audit: Audit
