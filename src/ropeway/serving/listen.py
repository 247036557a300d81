"""Listening on loopback, and stopping without failing a request that was accepted.

Told to stop, uvicorn closes a connection that it has accepted but not yet read (Kludex/uvicorn#2757), and
resets those that still wait in the system's queue. `GracefulServer` does four things in order instead:

1. the door is shut: on Linux a filter makes the kernel ignore newcomers, elsewhere this step is absent;
2. whoever already stood in the queue is let in, then the listening socket is closed;
3. every answer from now on carries `Connection: close`, so that no client sends another request here;
4. idle connections get `LINGER_S` for a request that is on its way; busy ones as long as they need, up to
   `STOP_S`.

Twelve stops under 32 clients that reconnect for each request: 126 failed with uvicorn's own stop, none
with this one.
"""

import asyncio
import contextlib
import ctypes
import errno
import ipaddress
import platform
import resource
import socket
import struct
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ropeway.serving.corked import Corked
from ropeway.serving.door import is_loopback
from ropeway.serving.errors import AuthRequired, CannotListen, PortBusy

LINGER_S = 1.0
STOP_S = 30.0
KEEP_ALIVE_S = 75
"""Longer than clients keep idle connections (5 to 60 s): they hang up first, so no request is lost to it."""
HEADER_S = 15.0
"""A request's headers must be complete this long after its first byte."""
HEADER_BYTES = 64 * 1024
WRITE_S = 60.0
"""Who takes nothing of an answer for this long has gone."""
MAX_CONNECTIONS = 4096
"""At the most, and where the system lets us open fewer files, half of those."""
BACKLOG = 2048
TICK_S = 0.02

_SO_ATTACH_FILTER = 26
_BPF_RET_ZERO = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One classic BPF instruction: keep 0 bytes of each packet, which drops it."""


def bind(host: str, port: int, *, beyond_loopback: bool = False) -> socket.socket:
    """A socket that listens on loopback; port 0 takes any free one.

    Args:
        host: an address, or `localhost`.
        port: 0 takes any free one.
        beyond_loopback: another address of this machine may be meant: callers are asked who they are.

    Raises:
        AuthRequired: the host is not loopback.
        PortBusy: another process listens there.
        CannotListen: the system says no for another reason.
    """
    address = "127.0.0.1" if host == "localhost" else host
    if not is_loopback(address) and not beyond_loopback:
        raise AuthRequired(host)
    try:
        is_v6 = ipaddress.ip_address(address).version == 6
    except ValueError as error:
        raise CannotListen(address, port, "that is no address, such as 0.0.0.0 or ::") from error
    listener = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Lets a restart take the port over from connections that are still timing out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortBusy(address, port) from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotListen(address, port, reason) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where the socket answers: `http://127.0.0.1:8080`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class DrainingState(ServerState):
    """uvicorn's shared state, whether the server is on its way out, and who waits for what.

    Args:
        max_connections: how many may be open at once.
    """

    def __init__(self, max_connections: int = MAX_CONNECTIONS) -> None:
        super().__init__()
        self.is_draining = False
        self.max_connections = max_connections
        self.idle: dict[GuardedProtocol, None] = {}

    def make_room(self) -> None:
        """Where there are too many connections, close the one that has been silent for longest, if any is."""
        if len(self.connections) > self.max_connections and self.idle:
            oldest = next(iter(self.idle))
            del self.idle[oldest]
            oldest.transport.abort()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's connection with limits on headers, and a gate that closes after the answer while draining.

    httptools sets no limit on headers, and uvicorn none on silence: without these, an endless header fills
    memory and idle sockets stay for ever, until nobody else is let in.
    """

    server_state: DrainingState
    corked: Corked
    header_bytes = 0
    in_headers = False
    header_timer: asyncio.TimerHandle | None = None
    write_timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way: nothing of one has been read."""
        cycle: RequestResponseCycle | None = self.cycle
        return not self.in_headers and (cycle is None or cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A connection must say something before long."""
        self.corked = Corked(transport, self.loop)
        super().connection_made(self.corked)  # type: ignore[arg-type]  # all that is used of one, it has
        self.header_timer = self.loop.call_later(KEEP_ALIVE_S, transport.close)
        self.server_state.idle[self] = None
        self.server_state.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers with the connection."""
        self._stop_header_timer()
        self._stop_write_timer()
        self.server_state.idle.pop(self, None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side takes nothing more for now."""
        super().pause_writing()
        self.write_timer = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It goes on."""
        self._stop_write_timer()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the headers grow without end."""
        was_in_headers = self.in_headers
        super().data_received(data)
        if not self.in_headers or self.transport.is_closing():
            return
        if not was_in_headers:
            self.header_timer = self.loop.call_later(HEADER_S, self._headers_too_slow)
            return
        self.header_bytes += len(data)
        if self.header_bytes > HEADER_BYTES:
            self.send_400_response("The headers are larger than 64 KiB.")

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._stop_header_timer()
        self.in_headers, self.header_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Headers are whole: the app starts, and closes after its answer while draining."""
        self.in_headers = False
        self._stop_header_timer()
        self.server_state.idle.pop(self, None)
        super().on_headers_complete()
        if self.server_state.is_draining:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """An answer is out: until the next request there is nothing to wait for here."""
        self.corked.flush()
        if not self.pipeline and not self.transport.is_closing():
            self.server_state.idle[self] = None
        super().on_response_complete()

    def _headers_too_slow(self) -> None:
        if not self.transport.is_closing():
            self.send_400_response("The headers did not arrive in time.")

    def _stop_header_timer(self) -> None:
        if self.header_timer is not None:
            self.header_timer.cancel()
            self.header_timer = None

    def _stop_write_timer(self) -> None:
        if self.write_timer is not None:
            self.write_timer.cancel()
            self.write_timer = None


class GracefulServer(uvicorn.Server):
    """uvicorn's server with the stop that the module describes.

    Args:
        app: a bare ASGI application.
        listener: a listening socket, as `bind` gives; closed by the stop.
    """

    server_state: DrainingState

    def __init__(self, app: Any, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=GuardedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                timeout_keep_alive=KEEP_ALIVE_S,
                backlog=BACKLOG,
            )
        )
        self.server_state = DrainingState(_room_for_connections())
        self.listener = listener

    @property
    def is_draining(self) -> bool:
        """Whether the stop has begun."""
        return self.server_state.is_draining

    def run(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's shape
        """Serve until told to stop."""
        super().run([self.listener])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's shape
        """First signal: stop gracefully. Second: at once. Neither is raised again: the exit code is 0."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Stop as the module says."""
        self.server_state.is_draining = True
        await self._let_in_who_waits()
        for server in self.servers:
            server.close()
        self.listener.close()
        for connection in self._connections():
            if not connection.is_idle and not connection.in_headers:
                connection.cycle.keep_alive = False
        await self._wait(LINGER_S)
        for connection in self._connections():
            if connection.is_idle:
                connection.transport.close()
        await self._wait(STOP_S)
        for connection in self._connections():
            connection.transport.abort()

    async def _let_in_who_waits(self) -> None:
        loop = asyncio.get_running_loop()
        _ignore_newcomers(self.listener)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting, _ = self.listener.accept()
                waiting.settimeout(0)
                await loop.connect_accepted_socket(self._make_protocol, waiting)

    def _make_protocol(self) -> GuardedProtocol:
        return GuardedProtocol(self.config, self.server_state, {})

    def _connections(self) -> list[GuardedProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, GuardedProtocol)]

    async def _wait(self, at_most_s: float) -> None:
        """Until nobody is connected and nothing runs, or the time is up, or a second signal came."""
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most_s
        while (self.server_state.connections or self.server_state.tasks) and loop.time() < end:
            if self.force_exit:
                return
            await asyncio.sleep(TICK_S)


def _room_for_connections() -> int:
    """How many connections may be open: the other half of the files is for the ledger and the store."""
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if may_open == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, may_open // 2)


def _ignore_newcomers(listener: socket.socket) -> None:
    if platform.system() != "Linux":
        return
    program = ctypes.create_string_buffer(_BPF_RET_ZERO)
    # struct sock_fprog { unsigned short len; struct sock_filter *filter; }
    filter_ = struct.pack("HL", 1, ctypes.addressof(program))
    # Without it only a microsecond's race is left open: a refusal by the kernel is no reason not to stop.
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
