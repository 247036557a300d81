"""What is written to a connection in one turn of the event loop goes out in one piece.

An answer is written as a head and a body. Sent one by one they are two packets, which wake the caller twice;
each sending costs more than all that an answer to a small question takes.
"""

import asyncio
from typing import Any

HELD_BYTES = 16 * 1024
"""So much is held at the most; more is a body that comes in pieces, and goes out as it comes."""


class Corked:
    """A transport that holds what is written until `flush`, or until the event loop turns.

    Closing sends what is held, aborting does not. All else is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._turn: asyncio.Handle | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send something, with what else is written in this turn."""
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES:
            self.flush()
        elif self._turn is None:
            self._turn = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held now."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            if not self.is_closing():
                self._transport.write(b"".join(held))

    def close(self) -> None:
        """Send what is held, and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
