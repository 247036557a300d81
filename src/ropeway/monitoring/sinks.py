"""Where alerts go: lines in a file of the project, or a signed webhook.

A webhook gets a POST with the alert as JSON, signed after the Standard Webhooks specification
(github.com/standard-webhooks):

    webhook-id          the alert's id, a dot, and `raised` or `resolved`: the same at each try
    webhook-timestamp   seconds since 1970
    webhook-signature   `v1,` and base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY` with the secret
    idempotency-key     as webhook-id

The secret is the text of the variable that `secret_env` names; after `whsec_` it is base64. A message may
come more than once: whoever keeps the id takes it once. A file gets the same JSON, a line each.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.monitoring.errors import SecretMissing, SinkUnwritable
from ropeway.monitoring.records import Alert
from ropeway.store.files import write_all
from ropeway.workspace.outbound import post
from ropeway.workspace.project import OWN_FOLDERS
from ropeway.workspace.project_file import load_project
from ropeway.workspace.tables.monitor import Sink

SECRET_PREFIX = "whsec_"  # noqa: S105  a mark that says how the secret is written, not a secret
NEW_FILE = 0o600


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink is told. `id` names alert and state, and is the same at each try."""

    id: str
    state: str
    project: str
    alert: Alert


def send(
    message: Message,
    name: str,
    sink: Sink,
    *,
    root: Path,
    now: datetime,
    timeout_s: float,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Give a message to a sink, once.

    Args:
        message: what.
        name: of the sink.
        sink: its settings.
        root: the project's folder; files lie in it.
        now: when, as a webhook is told.
        timeout_s: no longer than this, and no longer than the sink's own.
        environ: holds the secret; the process's own when absent.

    Raises:
        RopewayError: it was not taken: `SecretMissing`, `SinkUnwritable`, or what `outbound.post` raises.
    """
    body = msgspec.json.encode(message)
    if sink.kind == "file":
        _append(root, name, sink.path or "", body)
        return
    assert sink.url is not None and sink.secret_env is not None, "the project file is checked"  # noqa: PT018
    secret = (os.environ if environ is None else environ).get(sink.secret_env, "")
    headers = signed_headers(message.id, body, _key(name, sink.secret_env, secret), now)
    timeout_s = min(timeout_s, sink.timeout_s)
    post(sink.url, body, headers, timeout_s=timeout_s, allow_private=sink.allow_private)


def signed_headers(identity: str, body: bytes, key: bytes, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows who sent a message, when, and that it is whole.

    Example:
        >>> from datetime import UTC
        >>> moment = datetime(2026, 5, 1, tzinfo=UTC)
        >>> signed_headers("alert_1.raised", b"{}", b"secret", moment)["webhook-signature"]
        'v1,tKDpdr63VxqSFBbpMxnLAcmZ5ux8SAN4mx5c9k0kkrw='
    """
    timestamp = str(int(now.timestamp()))
    signed = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        "idempotency-key": identity,
    }


def _key(name: str, variable: str, secret: str) -> bytes:
    if not secret:
        raise SecretMissing(name, variable, "is not set")
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise SecretMissing(
            name, variable, f"begins with '{SECRET_PREFIX}' and goes on with no base64"
        ) from None


def _append(root: Path, name: str, place: str, body: bytes) -> None:
    """Add a line to a file of the project, and make it survive power loss."""
    path = (root / place).resolve()
    if not path.is_relative_to(root.resolve()):
        raise SinkUnwritable(name, place, "it lies outside the project")
    _refuse_own(root, name, place, path)
    try:
        # Without blocking: a pipe that nobody reads must not hold up monitoring.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
        descriptor = os.open(path, flags, NEW_FILE)
        try:
            if os.fstat(descriptor).st_nlink > 1:
                raise SinkUnwritable(name, place, "it has another name too, by which it may be Ropeway's own")
            _write_line(descriptor, body + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SinkUnwritable(name, place, (error.strerror or str(error)).lower()) from error


def _refuse_own(root: Path, name: str, place: str, path: Path) -> None:
    """Refuse what Ropeway itself reads, under whatever name: a line of JSON would spoil it."""
    own = [(root / file).resolve() for file in load_project(root).own_files]
    if path in own or any(path.is_relative_to((root / folder).resolve()) for folder in OWN_FOLDERS):
        raise SinkUnwritable(name, place, "it is Ropeway's own")


def _write_line(descriptor: int, line: bytes) -> None:
    """The whole line or none: half of one would spoil the next."""
    before = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, line)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def told(error: RopewayError) -> str:
    """Why a sink did not take a message, in a line."""
    return error.what if not error.next_step else f"{error.what} {error.next_step}"
