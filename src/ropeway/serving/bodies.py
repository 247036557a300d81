"""Bodies as they come in: each within a limit and a time, and all together within what memory has for them.

A body that is held back costs its sender nothing and us its bytes. So where all that have half arrived are
more than fits, the one that began first gives way: whoever sends at once is not kept out by who does not.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from ropeway.serving.door import BODY_BYTES, Receive, Scope, header
from ropeway.serving.errors import BodyTooLarge, RequestTimeout

BODY_S = 30.0
"""A whole body must arrive within this time."""
ARRIVING_BYTES = 24 * 2**20
"""Of all bodies that have half arrived; and of a single one, where its own limit is higher."""


class Bodies:
    """Reads the bodies of one service. For one event loop.

    Args:
        limit_bytes: of one body.
        all_bytes: of all that have half arrived.
    """

    def __init__(self, limit_bytes: int = BODY_BYTES, all_bytes: int = ARRIVING_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.all_bytes = max(all_bytes, limit_bytes)
        self._arriving: dict[asyncio.Timeout, int] = {}

    async def read(self, scope: Scope, receive: Receive) -> bytes | bytearray:
        """The whole body, never holding more than the limit.

        Raises:
            BodyTooLarge: it says that it is larger, or turns out to be.
            RequestTimeout: it does not arrive in time, or holds up those that do.
            ConnectionAbortedError: the caller has gone.
        """
        said = header(scope, b"content-length")
        # The HTTP parser has already refused what is not a number. Said sizes cost nothing to refuse.
        if said and int(said) > self.limit_bytes:
            raise BodyTooLarge(self.limit_bytes)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            body = message.get("body", b"")
            if len(body) > self.limit_bytes:
                raise BodyTooLarge(self.limit_bytes)
            return bytes(body)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S) as timeout:
                await self._gather(body, message, receive, timeout)
        except BaseException as error:
            # The traceback holds on to it, for as long as the rest is heard and thrown away.
            body.clear()
            if isinstance(error, TimeoutError):
                raise RequestTimeout(BODY_S) from error
            raise
        return body

    async def _gather(
        self,
        body: bytearray,
        message: MutableMapping[str, Any],
        receive: Receive,
        timeout: asyncio.Timeout,
    ) -> None:
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise ConnectionAbortedError
                body += message.get("body", b"")
                if len(body) > self.limit_bytes:
                    raise BodyTooLarge(self.limit_bytes)
                if not message.get("more_body", False):
                    return
                self._arriving[timeout] = len(body)
                self._make_room()
                message = await receive()
        finally:
            self._arriving.pop(timeout, None)

    def _make_room(self) -> None:
        """Have those give up that began first, until what is left fits."""
        while sum(self._arriving.values()) > self.all_bytes:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            oldest.reschedule(0)
