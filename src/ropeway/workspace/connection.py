"""The wire to a server: one kept connection, bounded retries, and nothing believed that is not ours.

Contract: what is sent may be sent again (a query, a command under its key, bytes by their digest), so a lost
connection or a server that is restarting is waited out, for a while. Whatever comes back is held against a
limit before it is kept, and is ours only if it says so in our form.
"""

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from ropeway.core.errors import RopewayError, TooLarge
from ropeway.workspace.errors import BadServer, ForeignAnswer, NotSafe, ServerUnreachable
from ropeway.workspace.foreign import Told, error_of

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

API = "/api/v1/"
CONNECT_S = 3.0
ANSWER_S = 60.0
"""How long an answer may take: commands wait for one another."""
FIRST_PATIENCE_S = 1.5
"""How long a server is tried that has never answered: an address may simply be wrong."""
PATIENCE_S = 15.0
"""How long one is waited for that has answered before: it is being restarted."""
LONGEST_PAUSE_S = 2.0
BUSY_TRIES = 4
MAX_ANSWER_BYTES = 256 * 2**20
MAX_ERROR_BYTES = 2**20
MSGPACK = "application/msgpack"
JSON = "application/json"
ACTOR, PROJECT, DIGEST = "x-ropeway-as", "x-ropeway-project", "x-ropeway-digest"
"""Headers of ours: who acts where nobody signs in, the caller's project, the digest of what is sent."""
_BUSY = (502, 503, 504)


class _Failure(msgspec.Struct):
    error: Told


class Lost(Exception):
    """The connection broke; whether the request was heard is not known."""


class Patience:
    """Pauses that grow between tries, from the first failure on, until it has been long enough."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.tries = 0
        self._since = 0.0

    def renew(self) -> None:
        """Something came: what fails from here on is another failure."""
        self.tries = 0

    def waits(self) -> bool:
        """Pause before the next try; False, at once, where it is none worth."""
        now = time.monotonic()
        self._since = self._since if self.tries else now
        self.tries += 1
        pause = min(0.05 * 2**self.tries, LONGEST_PAUSE_S)
        longest = self._connection.patience_s if self._connection.was_there else FIRST_PATIENCE_S
        if now + pause > self._since + longest:
            return False
        time.sleep(pause)
        return True


class Connection:
    """Requests to one server. May be used from several threads.

    Args:
        url: the server's address; a path is kept before ours.
        token: what to sign in with.
        headers: sent with each request.
        insecure: whether plain http to another machine is meant.

    Attributes:
        patience_s: how long the server is waited for, once it has answered.

    Raises:
        BadServer: the address cannot be used.
        NotSafe: it is plain http to another machine.
    """

    def __init__(
        self, url: str, *, token: str | None = None, headers: Mapping[str, str] = {}, insecure: bool = False
    ) -> None:
        self.origin, self._prefix, self._is_here = _parts(url)
        if self.origin.startswith("http://") and not (self._is_here or insecure):
            raise NotSafe(urlsplit(self.origin).netloc)
        self._headers = {name: quote(value, safe=" ") for name, value in headers.items()}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"
        self._client: httpx.Client | None = None
        self._making = threading.Lock()
        self._was_there = False
        self.patience_s = PATIENCE_S

    def call(self, name: str, body: bytes, *, key: str | None = None) -> tuple[str, bytes]:
        """Call an operation; gives the answer's content type and bytes.

        Args:
            name: which.
            body: its arguments as JSON.
            key: under which a command may be sent again.
        """
        headers = {"content-type": JSON, "accept": f"{MSGPACK}, {JSON}"}
        if key is not None:
            headers["idempotency-key"] = key
        return self._patiently(lambda: self._whole("POST", API + name, headers, content=body))

    def get(self, path: str) -> tuple[str, bytes]:
        """What stands at a path of the API; gives the content type and bytes."""
        return self._patiently(lambda: self._whole("GET", API + path, {"accept": JSON}))

    def put(self, path: str, source: Callable[[], Iterator[bytes]], size: int, digest: str) -> bytes:
        """Bring bytes; `source` is read anew for each try. Gives the answer."""
        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(size),
            DIGEST: digest,
        }
        return self._patiently(lambda: self._whole("PUT", API + path, headers, content=source()))[1]

    def fetch(self, path: str, take: Callable[[int, Iterator[bytes]], T]) -> T:
        """Read bytes: `take` is given how many are announced, and the pieces, anew for each try."""

        def once() -> T:
            with self._sent("GET", API + path, {}) as answer:
                said = answer.headers.get("content-length", "")
                if not (said.isascii() and said.isdigit()) or "content-encoding" in answer.headers:
                    raise ForeignAnswer(self.origin, "it does not say how many bytes come")
                return take(int(said), answer.iter_raw())

        return self._patiently(once)

    @contextlib.contextmanager
    def events(self, name: str, body: bytes) -> Iterator[Iterator[bytes]]:
        """An event stream's bytes, in pieces. Not tried again: who reads it knows where to go on.

        Raises:
            Lost: the connection broke, or was never made.
        """
        headers = {"content-type": JSON, "accept": "text/event-stream"}
        with self._sent("POST", API + name, headers, content=body) as answer:
            yield answer.iter_raw()

    @property
    def address(self) -> str:
        """The server, with the path before ours: one workspace."""
        return self.origin + self._prefix

    @property
    def was_there(self) -> bool:
        """Whether something was connected to, and not waited for in vain since."""
        return self._was_there

    def lost(self, error: Lost) -> ServerUnreachable:
        """What is told when patience has ended."""
        reason = "the connection was lost" if self._was_there else "there is no connection"
        # Who asks once more, such as at a run's end, does not wait as long again.
        self._was_there = False
        return ServerUnreachable(self.origin, f"{reason} ({error})")

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()

    def _patiently(self, once: Callable[[], T]) -> T:
        """Try until it is answered, or patience ends."""
        patience = Patience(self)
        while True:
            try:
                return once()
            except Lost as error:
                if not patience.waits():
                    raise self.lost(error) from error
            except RopewayError as error:
                is_busy = error.http_status in _BUSY and not isinstance(error, ForeignAnswer)
                if not is_busy or patience.tries >= BUSY_TRIES or not patience.waits():
                    raise

    def _whole(self, method: str, path: str, headers: Mapping[str, str], **more: Any) -> tuple[str, bytes]:
        with self._sent(method, path, headers, **more) as answer:
            kind = answer.headers.get("content-type", "").partition(";")[0].strip()
            if kind not in (JSON, MSGPACK):
                raise ForeignAnswer(self.origin, f"it answers {method} {path} with '{kind[:80]}'")
            return kind, self._bounded(answer, MAX_ANSWER_BYTES)

    @contextlib.contextmanager
    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], **more: Any
    ) -> "Iterator[httpx.Response]":
        """An answer that is a success, its body not read yet."""
        import httpx

        try:
            with self._open().stream(method, self._prefix + path, headers=dict(headers), **more) as answer:
                self._was_there = True
                if not answer.is_success:
                    raise self._refusal(answer)
                yield answer
        except httpx.TransportError as error:
            # A connection that was made and broke says that something is there.
            if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                self._was_there = True
            raise Lost(_said(error)) from error

    def _open(self) -> "httpx.Client":
        """The client, made when first needed: importing it costs more than many a command."""
        with self._making:
            return self._client or self._make()

    def _make(self) -> "httpx.Client":
        import httpx

        self._client = httpx.Client(
            base_url=self.origin,
            headers={"user-agent": "ropeway", "accept-encoding": "identity", **self._headers},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            # A proxy of the environment is for other machines than this one.
            trust_env=not self._is_here,
        )
        return self._client

    def _refusal(self, answer: "httpx.Response") -> RopewayError:
        """The error that an answer tells of."""
        status = answer.status_code
        body = self._bounded(answer, MAX_ERROR_BYTES)
        try:
            told = msgspec.json.decode(body, type=_Failure).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            if status in _BUSY:  # a proxy before the server, or one that is just being started
                raise Lost(f"status {status}") from None
            return ForeignAnswer(self.origin, f"status {status}, and no error of ours")
        return error_of(told, status)

    def _bounded(self, answer: "httpx.Response", limit: int) -> bytes:
        kept = bytearray()
        for piece in answer.iter_raw():
            kept += piece
            if len(kept) > limit:
                raise TooLarge(
                    f"The answer of {self.origin} is larger than {limit // 2**20} MiB.",
                    expected="fewer at once: most questions take a limit",
                )
        return bytes(kept)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _parts(url: str) -> tuple[str, str, bool]:
    """An address as origin, the path before ours, and whether it is this machine."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadServer("it is no URL") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadServer("it is no http or https URL")
    if parts.username is not None or parts.password is not None:
        raise BadServer("it holds a user or a password, which others on this machine can see")
    if parts.query or parts.fragment:
        raise BadServer("it has more than a host and a path")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
    return origin, parts.path.rstrip("/"), _is_loopback(host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
