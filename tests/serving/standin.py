"""A small application in the place of ``wharfinger.app``: what the processes around it need to be tested."""

import asyncio
import json
import os
from typing import Any

from wharfinger.config import Settings
from wharfinger.errors import Unavailable
from wharfinger.serving.roles import Asgi


def prepare(settings: Settings) -> str | None:
    if (settings.data / "refuse").exists():
        raise Unavailable("the stand-in refuses")
    first = not settings.data.exists()
    settings.data.mkdir(exist_ok=True)
    return "made-up-password" if first else None


async def housekeeping(settings: Settings) -> None:
    _note(settings, "housekeeping")
    try:
        await asyncio.Event().wait()
    finally:
        (settings.data / "housekeeping-ended").touch()


def create(settings: Settings) -> Asgi:
    if (settings.data / "broken").exists():
        raise RuntimeError("the stand-in is broken")
    _note(settings, f"worker-{os.getpid()}")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(settings, receive, send)
        elif scope["path"] in ANSWERS:
            await ANSWERS[scope["path"]](settings, receive, send)
        else:
            await _answer(send, {"path": scope["path"], "raw_path": scope["raw_path"].decode()})

    return app


async def _live(settings: Settings, receive: Any, send: Any) -> None:
    await receive()
    if (settings.data / "unready").exists():
        raise Unavailable("the stand-in is not ready")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    (settings.data / "lifespan-ended").touch()
    await send({"type": "lifespan.shutdown.complete"})


def _note(settings: Settings, name: str) -> None:
    (settings.data / name).write_text(str(os.getpid()))


async def _pid(_settings: Settings, _receive: Any, send: Any) -> None:
    await _answer(send, {"pid": os.getpid(), "parent": os.getppid()})


async def _slow(settings: Settings, _receive: Any, send: Any) -> None:
    """Answers when the test says so; says itself when it is cancelled."""
    (settings.data / "slow-began").touch()
    try:
        while not (settings.data / "finish").exists():  # noqa: ASYNC110  the test is another process
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        (settings.data / "slow-cancelled").touch()
        raise
    await _answer(send, {"slow": True})


async def _big(_settings: Settings, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", str(64 << 20).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for left in range(63, -1, -1):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": left > 0})


async def _refuse(_settings: Settings, _receive: Any, send: Any) -> None:
    """Answers without looking at the body."""
    await _answer(send, {"refused": True}, status=413)


async def _refuse_and_drain(_settings: Settings, receive: Any, send: Any) -> None:
    """Answers at once, and reads on until the client has had the chance to see that."""
    await _answer(send, {"refused": True}, status=413)
    while (await receive()).get("more_body"):
        pass


async def _upload(settings: Settings, receive: Any, send: Any) -> None:
    size = largest = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            (settings.data / "disconnected").write_text(str(size))
            return
        size += len(message["body"])
        largest = max(largest, len(message["body"]))
        if not message["more_body"]:
            break
    await _answer(send, {"size": size, "largest": largest})


async def _answer(send: Any, value: object, status: int = 200) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


ANSWERS = {
    "/pid": _pid,
    "/slow": _slow,
    "/big": _big,
    "/refuse": _refuse,
    "/refuse-and-drain": _refuse_and_drain,
    "/upload": _upload,
}
