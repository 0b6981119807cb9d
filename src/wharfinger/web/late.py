"""An application that is made when it is first asked for."""

import asyncio
from collections.abc import Awaitable, Callable

from wharfinger.web.http import Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Late:
    """Makes the application in a thread at the first request. A worker that never gets one does without its modules."""

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._app: App | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self._made()
        await app(scope, receive, send)

    async def _made(self) -> App:
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make)
            return self._app
