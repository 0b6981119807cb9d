"""Which multipart uploads an S3 bucket has that are neither completed nor aborted. obstore has no word for it."""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.request import Request, urlopen
from xml.etree import ElementTree as ET

from tests.kit.parts.stores import S3


def pending_uploads(store: S3) -> list[str]:
    """The keys of these uploads."""
    with urlopen(_signed(store, f"/{store.bucket}", "uploads=")) as answer:
        listing = ET.parse(answer)
    return [key.text or "" for key in listing.iterfind("{*}Upload/{*}Key")]


def _signed(store: S3, path: str, query: str) -> Request:
    """A GET signed as "Authenticating Requests: AWS Signature Version 4" describes it."""
    host = store.endpoint.removeprefix("http://")
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    nothing = hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": nothing, "x-amz-date": now}
    names = ";".join(headers)
    canonical = "\n".join(["GET", path, query, *(f"{k}:{v}" for k, v in headers.items()), "", names, nothing])
    scope = f"{now[:8]}/{store.region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{store.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={store.access_key}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return Request(f"{store.endpoint}{path}?{query}", headers={**headers, "Authorization": authorization})
