"""A wire that can be cut: a TCP proxy that breaks a connection after so many bytes, in one direction.

`drop` closes both ends in good order, `reset` slams them, `halt` goes silent and keeps them open, as a pulled
cable does. A connection without a cut passes everything.
"""

import contextlib
import random
import select
import socket
import struct
import threading
from typing import Literal, NamedTuple

Manner = Literal["drop", "reset", "halt"]
Direction = Literal["request", "response"]
MANNERS: tuple[Manner, ...] = ("drop", "reset", "halt")
DIRECTIONS: tuple[Direction, ...] = ("request", "response")
PIECE = 65_536
TICK_S = 0.05
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER that closes with a reset."""


class Cut(NamedTuple):
    """Where to break a connection: after how many bytes of which direction, and how."""

    direction: Direction
    after: int
    manner: Manner


def draw_cut(chance: random.Random, *, request_bytes: int, response_bytes: int) -> Cut:
    """A cut at a random byte of either direction; none of it may have passed, or all."""
    direction = chance.choice(DIRECTIONS)
    length = request_bytes if direction == "request" else response_bytes
    return Cut(direction, chance.randint(0, length), chance.choice(MANNERS))


class Wire:
    """A proxy in front of one server, on a port of its own.

    Args:
        host, port: the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TICK_S)
        self._planned: list[Cut | None] = []
        self._guard = threading.Lock()
        self._is_open = True
        self._threads: list[threading.Thread] = []
        self.struck: list[Cut] = []
        self.passed = {"request": 0, "response": 0}
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def plan(self, cut: Cut | None) -> None:
        """What befalls the next connection that has no plan yet."""
        with self._guard:
            self._planned.append(cut)

    def close(self) -> None:
        """End every connection."""
        self._is_open = False
        for thread in (self._accepting, *self._threads):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while self._is_open:
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                with self._guard:
                    cut = self._planned.pop(0) if self._planned else None
                thread = threading.Thread(target=self._carry, args=(client, cut))
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]
                thread.start()

    def _carry(self, client: socket.socket, cut: Cut | None) -> None:
        """Pass bytes both ways until an end closes, the cut strikes, or the wire is taken down."""
        with client, socket.create_connection(self._server) as server:
            passed = dict.fromkeys(DIRECTIONS, 0)
            ways: dict[socket.socket, tuple[socket.socket, Direction]] = {
                client: (server, "request"),
                server: (client, "response"),
            }
            while self._is_open:
                if cut is not None and passed[cut.direction] >= cut.after:
                    self._strike(cut, client, server)
                    return
                for source in select.select(list(ways), [], [], TICK_S)[0]:
                    target, direction = ways[source]
                    most = PIECE
                    if cut is not None and cut.direction == direction:
                        most = min(PIECE, cut.after - passed[direction])
                    try:
                        data = source.recv(most)
                        target.sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        self._note(passed)
                        return
                    passed[direction] += len(data)
                    if cut is not None and passed[cut.direction] >= cut.after:
                        break

    def _strike(self, cut: Cut, client: socket.socket, server: socket.socket) -> None:
        with self._guard:
            self.struck.append(cut)
        if cut.manner == "reset":
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        while cut.manner == "halt" and self._is_open:
            # Nothing passes any more: the client gives up by its own clock, only then does the server see.
            if select.select([client], [], [], TICK_S)[0] and not _has_more(client):
                return

    def _note(self, passed: dict[str, int]) -> None:
        """The longest whole exchange so far: where later cuts may fall."""
        with self._guard:
            for direction, length in passed.items():
                self.passed[direction] = max(self.passed[direction], length)


def _has_more(client: socket.socket) -> bool:
    """Whether the client is still there; what it sends meanwhile is lost."""
    try:
        return bool(client.recv(PIECE))
    except OSError:
        return False
