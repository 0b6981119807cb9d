"""What TLS complained of, found among the causes of whatever the HTTP library raised. Pure."""

from ssl import SSLError


def complaint(error: BaseException) -> str | None:
    """For people: ``TLS: certificate has expired``. None where TLS was not the reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SSLError):
            return f"TLS: {getattr(cause, 'verify_message', '') or cause.reason or 'failed'}"
        cause = cause.__cause__ or cause.__context__
    return None
