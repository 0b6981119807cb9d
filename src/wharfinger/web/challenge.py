"""Where tokens are to be had, and for what: the challenge of the token protocol (RFC 6750, RFC 7235)."""

import re
from collections.abc import Sequence

from wharfinger.access.signing import NAME
from wharfinger.web.http import Scope
from wharfinger.web.origin import Network, origin

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}", re.ASCII)


class Addresses:
    """What we are called by whoever asks: ``public_url``, or the host that the request was sent to."""

    def __init__(self, public_url: str | None, trusted: Sequence[Network]) -> None:
        self._public = public_url.rstrip("/") if public_url else None
        self._trusted = trusted

    def client(self, scope: Scope) -> str:
        """The address that the request comes from."""
        if not self._trusted:
            address: str = (scope.get("client") or ("", 0))[0]
            return address
        return origin(scope, self._trusted).client

    def base(self, scope: Scope) -> str:
        """Our URL, without a slash at its end. A host that is none is not repeated."""
        if self._public:
            return self._public
        came = origin(scope, self._trusted)
        return f"{came.scheme}://{came.host if _HOST.fullmatch(came.host) else 'localhost'}"

    def challenge(self, scope: Scope, wanted: str, error: str) -> tuple[bytes, bytes]:
        """The header that sends a client for a token. ``wanted`` is a scope, or empty."""
        words = [f'realm="{self.base(scope)}/token"', f'service="{NAME}"']
        if wanted:
            words.append(f'scope="{wanted}"')
        if error:
            words.append(f'error="{error}"')
        return b"www-authenticate", f"Bearer {','.join(words)}".encode("latin-1")
