"""Workloads that show a token from a trusted issuer instead of a secret (RFC 8693)."""

from wharfinger.access import credentials
from wharfinger.access.caller import Caller, Origin


class Workloads:
    """Who a token from a trusted issuer is."""

    async def caller(self, token: str, account: str, origin: Origin) -> Caller:  # noqa: ARG002
        """The service account that a trust rule lets the token's workload be. Raises Unauthorized."""
        raise credentials.refused()
