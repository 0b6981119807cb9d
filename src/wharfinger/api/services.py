"""What the management API needs to be given."""

from dataclasses import dataclass

from wharfinger.access.accounts import Accounts
from wharfinger.access.audit import Audit
from wharfinger.access.authenticate import Authenticator
from wharfinger.access.devices import Devices
from wharfinger.access.granting import Granting
from wharfinger.access.groups import Groups
from wharfinger.access.logins import Logins
from wharfinger.access.oversight import Oversight
from wharfinger.access.people import People
from wharfinger.access.policies import Policies
from wharfinger.access.secrets import Secrets
from wharfinger.access.services import ServiceAccounts
from wharfinger.access.trusting import Trusting
from wharfinger.lifecycle.service import Lifecycle
from wharfinger.meta.db import Database
from wharfinger.registry.collect import Collector
from wharfinger.registry.deletes import Deletes
from wharfinger.registry.keeping import Keeping
from wharfinger.registry.pulls import Pulls
from wharfinger.scanning.adapters.registering import Scanners
from wharfinger.scanning.admission.service import GateService
from wharfinger.scanning.service import Excusing
from wharfinger.tagging.tagging import Tagging


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the routes."""

    db: Database
    authenticator: Authenticator
    accounts: Accounts
    pulls: Pulls
    deletes: Deletes
    keeping: Keeping
    tagging: Tagging
    lifecycle: Lifecycle
    groups: Groups
    granting: Granting
    logins: Logins
    people: People
    devices: Devices
    service_accounts: ServiceAccounts
    secrets: Secrets
    policies: Policies
    oversight: Oversight
    trusting: Trusting
    audit: Audit
    collector: Collector
    gates: GateService
    excusing: Excusing
    scanners: Scanners
