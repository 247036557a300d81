"""One message to one address: signed, once, with the guards of `workspace.outbound`.

The headers are MLflow's, as its documentation has receivers verify them, and beside them those of Standard
Webhooks, which sign the same bytes with the same secret.

    X-MLflow-Delivery-Id   names webhook, event and part: the same at each try; who keeps it takes it once
    X-MLflow-Timestamp     seconds since 1970, of this try
    X-MLflow-Signature     `v1,` and base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY` with the secret
"""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from ropeway.monitoring.sinks import signed_headers
from ropeway.webhooks.address import is_allowed
from ropeway.webhooks.vault import Hidden
from ropeway.workspace.outbound import AddressRefused, BadAddress, Undeliverable, parse_url, post
from ropeway.workspace.project import Webhooks

_SPACE = uuid.UUID("6f3c1c0e-5d0f-4d52-9d0c-7a3f6f2f9b11")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is told: a topic, when it came about, and MLflow's payload."""

    id: str
    topic: str
    at: datetime
    data: dict[str, Any]


def delivery_id(webhook: str, event: str, part: int) -> str:
    """The id of a message, the same whoever sends it and however often."""
    return str(uuid.uuid5(_SPACE, f"{webhook} {event} {part}"))


def send(message: Message, hidden: Hidden, settings: Webhooks, now: datetime) -> int:
    """Send a message, and give the status of the answer. Nothing else of the answer is kept.

    Raises:
        BadAddress, AddressRefused: nothing may be sent there, by the project file as it stands now.
        Undeliverable: it was not taken.
    """
    allowed = is_allowed(hidden.url, settings)
    parts, host, _ = parse_url(hidden.url)
    if parts.scheme != "https" and not allowed:
        raise BadAddress(host, "it is not https, and [webhooks] does not allow its host")
    body = _body(message)
    reply = post(
        hidden.url,
        body,
        _headers(message.id, body, hidden.secret, now),
        timeout_s=settings.timeout_s,
        allow_private=allowed,
    )
    return reply.status


def status_of(error: BadAddress | AddressRefused | Undeliverable) -> int | None:
    """The status that an address answered with, where it did."""
    found = error.facts.get("status")
    return found if isinstance(found, int) else None


def _body(message: Message) -> bytes:
    entity, _, action = message.topic.partition(".")
    return msgspec.json.encode(
        {
            "entity": entity,
            "action": action,
            "timestamp": message.at.isoformat(),
            "data": message.data,
        }
    )


def _headers(identity: str, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    if not secret:
        return {
            "Content-Type": "application/json",
            "X-MLflow-Delivery-Id": identity,
            "X-MLflow-Timestamp": str(int(now.timestamp())),
        }
    standard = signed_headers(identity, body, secret.encode(), now)
    return {
        **standard,
        "X-MLflow-Delivery-Id": identity,
        "X-MLflow-Timestamp": standard["webhook-timestamp"],
        "X-MLflow-Signature": standard["webhook-signature"],
    }
