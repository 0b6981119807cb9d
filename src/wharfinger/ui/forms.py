"""Forms: read within bounds, and only believed when they are ours.

Two checks, either of which is enough by itself against another site's forms (OWASP, Cross-Site Request Forgery): where
the browser says that the request comes from, and a token in the form that only a page of ours could have put there.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from wharfinger.errors import Denied, RequestInvalid
from wharfinger.web.http import FORM, MAX_FORM, Body, parse_fields

TIMEOUT = 15.0
FIELD = "form_token"

Form = Mapping[str, Sequence[str]]


async def read(request: Request) -> Form:
    """The fields. Raises RequestInvalid, TooLarge, BodyStalled, Disconnected."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RequestInvalid(f"want a form, Content-Type: {FORM}")
    headers = dict(request.scope["headers"])
    body = Body(request.receive, headers, limit=MAX_FORM, timeout=TIMEOUT).limited_to(MAX_FORM)
    return parse_fields(await body.read(), "form")


def one(form: Form, name: str) -> str:
    """The value of a field; empty where it is not there. Raises RequestInvalid when it is there several times."""
    values = form.get(name, [""])
    if len(values) > 1:
        raise RequestInvalid(f"{name} is given {len(values)} times")
    return values[0]


def token(key: str) -> str:
    """What goes into the forms of the browser that has this secret in a cookie."""
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), b"wharfinger: a form", "sha256")).decode("ascii")


def require_ours(request: Request, base: str, form: Form, key: str) -> None:
    """Raise Denied unless the form was on a page that we gave to this very browser."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in {None, "same-origin"} or origin not in {None, base}
    if foreign or not key or not hmac.compare_digest(one(form, FIELD).encode(), token(key).encode()):
        raise Denied(
            "this form did not come from this page, or the page was too old: open it again, "
            f"at {base}, and make sure that cookies are allowed"
        )
