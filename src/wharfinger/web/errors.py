"""The one place where refusals become HTTP: a status for each class, and JSON (spec.md, "Error Codes")."""

import json
from collections.abc import Mapping

from wharfinger import errors
from wharfinger.errors import Refusal
from wharfinger.web.http import Headers, Reply, bytes_reply

STATUS: Mapping[type[Refusal], int] = {
    errors.NameInvalid: 400,
    errors.TagInvalid: 400,
    errors.DigestInvalid: 400,
    errors.SizeInvalid: 400,
    errors.ManifestInvalid: 400,
    errors.UploadInvalid: 400,
    errors.RequestInvalid: 400,
    errors.PaginationInvalid: 400,
    errors.Disconnected: 400,
    errors.DeviceLoginOpen: 400,
    errors.Unauthorized: 401,
    errors.Denied: 403,
    errors.LoginRefused: 403,
    errors.NameUnknown: 404,
    errors.BlobUnknown: 404,
    errors.ManifestUnknown: 404,
    errors.ManifestBlobUnknown: 404,
    errors.UploadUnknown: 404,
    errors.AccountUnknown: 404,
    errors.GrantUnknown: 404,
    errors.ExceptionUnknown: 404,
    errors.RunUnknown: 404,
    errors.ScanUnknown: 404,
    errors.NoSuchRoute: 404,
    errors.InUse: 405,
    errors.MethodUnsupported: 405,
    errors.BodyStalled: 408,
    errors.AlreadyExists: 409,
    errors.AlreadyDecided: 409,
    errors.PlanChanged: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.RangeInvalid: 416,
    errors.TooManyRequests: 429,
    errors.Unreachable: 502,
    errors.Unavailable: 503,
    errors.JournalForeign: 503,
    errors.JournalDamaged: 503,
    errors.StorageFull: 507,
}

Header = tuple[bytes, bytes]

CHALLENGE = (b"www-authenticate", b'Bearer realm="wharfinger"')
"""Outside of the data plane, whose challenge says where tokens are to be had: see ``web/challenge.py``."""


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal; a class without one is a mistake that a test finds."""
    return STATUS[type(refusal)]


def body_of(refusal: Refusal) -> bytes:
    """The error JSON. What a stranger sent may be quoted in it, so it is plain ASCII."""
    error = {"code": refusal.code, "message": refusal.message, "detail": dict(refusal.detail)}
    fields: dict[str, object] = {"errors": [error]}
    if isinstance(refusal, errors.DeviceLoginOpen):
        fields["error"] = refusal.error  # what other clients of device logins look for (RFC 6749, section 5.2)
    return json.dumps(fields, default=str).encode("ascii")


def headers_of(refusal: Refusal, challenge: Header | None = None) -> Headers:
    """What a client needs in order to go on; ``challenge`` where it is another than :data:`CHALLENGE`."""
    if isinstance(refusal, errors.Unauthorized):
        return [challenge or CHALLENGE]
    if isinstance(refusal, errors.TooManyRequests):
        return [(b"retry-after", b"%d" % refusal.retry_after)]
    if isinstance(refusal, errors.Unavailable):
        return [(b"retry-after", b"5")]
    if isinstance(refusal, errors.RangeInvalid):
        # Of a download, how long the whole is (RFC 9110, section 15.5.17); of an upload, what has arrived.
        whole = (b"content-range", b"bytes */%d" % refusal.size)
        return [whole, (b"range", b"0-%d" % max(0, refusal.size - 1))]
    return []


def refusal_reply(refusal: Refusal, challenge: Header | None = None) -> Reply:
    """The reply to a request that is refused."""
    return bytes_reply(status_of(refusal), "application/json", body_of(refusal), headers_of(refusal, challenge))
