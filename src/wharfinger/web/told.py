"""Tell of requests to an application that is not ours to look into, as the gate tells of its own."""

import secrets
import time
from collections.abc import Awaitable, Callable

from wharfinger.web.gate import Outcome
from wharfinger.web.http import Message, Receive, Scope, Send


class Told:
    """``app``, with every answer counted, logged, and marked with the id under which the log has it."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        note: Callable[[Outcome], None],
        tell: Callable[[Outcome], None],
    ) -> None:
        self._app = app
        self._note = note
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        outcome = Outcome(scope, secrets.token_hex(8))
        scope["wharf_id"] = outcome.id
        # The application leaves here who it was; its own, for a server may share what it gives.
        state = scope["state"] = dict(scope.get("state") or {})

        def said() -> None:
            outcome.caller, outcome.repository = state.get("caller"), state.get("repository")

        async def received() -> Message:
            message = await receive()
            outcome.received += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                outcome.status = message["status"]
                said()
                self._note(outcome)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", outcome.id.encode("ascii"))]
            outcome.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            outcome.seconds = time.perf_counter() - began
            said()
            self._tell(outcome)
