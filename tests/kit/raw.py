"""A request as it is on the wire, past what a client would make of it."""

from typing import Any


async def raw(
    app: Any, method: str, path: str, *, authorization: bytes = b"", **headers: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the answer to a request whose path and headers come as they are."""
    named = [(b"host", b"registry.test"), (b"authorization", authorization)]
    named += [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http"}
    scope |= {"headers": [each for each in named if each[1]], "client": ("192.0.2.1", 1)}
    scope["raw_path"] = path.encode("utf-8", "surrogatepass")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body
