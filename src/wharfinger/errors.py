"""Every refusal Wharfinger makes, in the words of the OCI specification. No HTTP in here.

A refusal carries the OCI error code (spec.md, "Error Codes"), a message that says what was wrong and
what to do, and a ``detail`` that a program can read. ``web/errors.py`` maps each class to a status.

    Refusal
    ├── malformed     NameInvalid, TagInvalid, DigestInvalid, SizeInvalid, ManifestInvalid, UploadInvalid, …
    ├── not there     NameUnknown, BlobUnknown, ManifestUnknown, ManifestBlobUnknown, UploadUnknown, …
    ├── not now       RangeInvalid, InUse, PreconditionFailed, AlreadyExists
    ├── not you       Unauthorized, Denied, TooManyRequests
    └── no room       TooLarge, StorageFull, Unavailable, Unreachable, BodyStalled, …
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """A request that is answered with a clear no. ``message`` reaches the client; secrets never go in it."""

    code: ClassVar[str] = "UNSUPPORTED"

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail: Mapping[str, Any] = detail


class NameInvalid(Refusal):
    """The repository name does not match the specification's grammar."""

    code = "NAME_INVALID"


class TagInvalid(Refusal):
    """The tag does not match the specification's grammar."""

    code = "TAG_INVALID"


class DigestInvalid(Refusal):
    """The digest is malformed, of an unsupported algorithm, or not that of the content."""

    code = "DIGEST_INVALID"


class SizeInvalid(Refusal):
    """The length that was declared is not the length that arrived."""

    code = "SIZE_INVALID"


class ManifestInvalid(Refusal):
    """The manifest is not one: its JSON, its media type or its fields are wrong."""

    code = "MANIFEST_INVALID"


class UploadInvalid(Refusal):
    """The upload request contradicts itself."""

    code = "BLOB_UPLOAD_INVALID"


class RequestInvalid(Refusal):
    """A parameter or header is malformed."""

    code = "UNSUPPORTED"


class PaginationInvalid(Refusal):
    """``n`` is not a number of entries, or ``last`` is not a possible entry."""

    code = "PAGINATION_NUMBER_INVALID"


class NameUnknown(Refusal):
    """No such repository."""

    code = "NAME_UNKNOWN"


class BlobUnknown(Refusal):
    """The repository does not hold this blob, whether or not another one does."""

    code = "BLOB_UNKNOWN"


class ManifestUnknown(Refusal):
    """The repository does not hold this manifest or tag."""

    code = "MANIFEST_UNKNOWN"


class ManifestBlobUnknown(Refusal):
    """The manifest refers to blobs or manifests that its repository does not hold."""

    code = "MANIFEST_BLOB_UNKNOWN"


class UploadUnknown(Refusal):
    """The upload session never existed, is finished, was cancelled, or has expired."""

    code = "BLOB_UPLOAD_UNKNOWN"


class AccountUnknown(Refusal):
    """No such account."""

    code = "ACCOUNT_UNKNOWN"


class GrantUnknown(Refusal):
    """No such grant, role, secret or trust rule."""

    code = "GRANT_UNKNOWN"


class ExceptionUnknown(Refusal):
    """No such exception from what scanning finds, or no such VEX document."""

    code = "EXCEPTION_UNKNOWN"


class AlreadyDecided(Refusal):
    """The exception is not, or no more, in a state in which this can be done; ``state`` is the one that it is in."""

    code = "PRECONDITION_FAILED"


class RunUnknown(Refusal):
    """No such lifecycle run."""

    code = "UNSUPPORTED"


class PlanChanged(Refusal):
    """What a plan lists is no longer as it was, or needs a person; ``images`` and ``repositories`` name some."""

    code = "PRECONDITION_FAILED"


class ScanUnknown(Refusal):
    """Nothing is known of what is in the image: it was not scanned, or not yet, or has no file system."""

    code = "SCAN_UNKNOWN"


class NoSuchRoute(Refusal):
    """The path or method is not part of the API."""

    code = "UNSUPPORTED"


class MethodUnsupported(Refusal):
    """The path is part of the API, but not with this method."""

    code = "UNSUPPORTED"


class RangeInvalid(Refusal):
    """Bytes were sent for, or asked from, an offset that is not the right one. ``size`` says what there is."""

    code = "BLOB_UPLOAD_INVALID"

    def __init__(self, message: str, *, size: int, **detail: Any) -> None:
        super().__init__(message, size=size, **detail)
        self.size = size


class InUse(Refusal):
    """What should be deleted is used by something that the message names."""

    code = "DENIED"


class PreconditionFailed(Refusal):
    """If-Match or If-None-Match did not hold when the change was to be made."""

    code = "PRECONDITION_FAILED"


class AlreadyExists(Refusal):
    """Something of this name is there already."""

    code = "ALREADY_EXISTS"


class Unauthorized(Refusal):
    """Credentials are missing, wrong, expired or revoked; which of these is not told.

    ``error`` is the challenge's: ``invalid_token``, ``insufficient_scope`` (RFC 6750, section 3.1), or empty.
    ``routine`` is said of an access token that has ended, as each does after minutes: no failed log-in.
    """

    code = "UNAUTHORIZED"

    def __init__(self, message: str, *, error: str = "", routine: bool = False) -> None:
        super().__init__(message)
        self.error = error
        self.routine = routine


class Denied(Refusal):
    """The account is known but may not do this."""

    code = "DENIED"


class LoginRefused(Refusal):
    """Somebody has proved elsewhere who they are, or failed to, and is not let in. Who they are is told nobody else."""

    code = "DENIED"


class DeviceLoginOpen(Refusal):
    """A device login is not done, or never will be. ``error`` is the word of RFC 8628, section 3.5."""

    code = "UNSUPPORTED"

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class TooManyRequests(Refusal):
    """More was asked at once than is done at once; ``retry_after`` is in seconds."""

    code = "TOOMANYREQUESTS"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after


class TooLarge(Refusal):
    """The body is longer than the limit that the message names."""

    code = "SIZE_INVALID"


class StorageFull(Refusal):
    """The disk or bucket has no room; nothing of the request was kept."""

    code = "DENIED"


class Unavailable(Refusal):
    """The database or the byte store did not answer; the same request may succeed later."""

    code = "UNAVAILABLE"


class JournalForeign(Refusal):
    """The store's journal is another database's, or this database is half rebuilt from it: nothing is mixed."""

    code = "UNAVAILABLE"


class JournalDamaged(Refusal):
    """A part of the journal is missing or not what was written: nothing is rebuilt from the rest."""

    code = "UNAVAILABLE"


class Unreachable(Refusal):
    """Somebody else's server, which the request is about, did not answer or not as it must."""

    code = "UNAVAILABLE"


class BodyStalled(Refusal):
    """No byte of the body arrived for longer than the limit."""

    code = "BLOB_UPLOAD_INVALID"


class Disconnected(Refusal):
    """The client went away in the middle of its body. Nobody is left to read the answer."""

    code = "BLOB_UPLOAD_INVALID"
