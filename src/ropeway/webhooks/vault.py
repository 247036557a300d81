"""Addresses and secrets of webhooks: sealed in the database, with a key that lies elsewhere.

An address is often a secret itself (a chat's webhook takes whatever comes to it), and the ledger is read by
every member. So both are kept apart from history, encrypted (AES-256-GCM, bound to the webhook's id). The key
is beside those that sign the ledger, in the folder of the user whom the server runs as; or, where several
machines serve one workspace, the text of `$ROPEWAY_WEBHOOKS_KEY`: 32 bytes in base64, the same on each.
"""

import base64
import binascii
import os
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from ropeway.ledger import keep_latest
from ropeway.ledger.journal import get_meta
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.webhooks.errors import WebhookInvalid, WebhookSealed
from ropeway.webhooks.projections import webhook_sealed
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.user_folder import user_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "ROPEWAY_WEBHOOKS_KEY"
NAME = "webhooks"
KEY_BYTES = 32
NONCE_BYTES = 12


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of a webhook. An empty secret is none."""

    url: str
    secret: str = ""


class Vault:
    """Seals and opens, for one ledger.

    Args:
        ledger: its id.
    """

    def __init__(self, ledger: str) -> None:
        self._ledger = ledger

    def keep(self, connection: Connection, webhook: str, hidden: Hidden) -> None:
        """Keep what is hidden of a webhook, in a write transaction."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, msgspec.json.encode(hidden), webhook.encode())
        keep_latest(connection, webhook_sealed, webhook=webhook, value=nonce + sealed)

    def open(self, read: Connection, webhook: str) -> Hidden:
        """What is hidden of a webhook.

        Raises:
            WebhookSealed: it was sealed with another key.
        """
        from cryptography.exceptions import InvalidTag

        query = select(webhook_sealed.c.value).where(webhook_sealed.c.webhook == webhook)
        value = read.execute(query).scalar() or b""
        try:
            plain = self._cipher().decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], webhook.encode())
        except (InvalidTag, ValueError) as error:
            raise WebhookSealed(webhook, VARIABLE) from error
        return msgspec.json.decode(plain, type=Hidden)

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(_given() or Keyring(user_folder(), self._ledger).own_key(NAME))


def ledger_of(read: Connection) -> str:
    """The id of the ledger whose webhooks these are."""
    return get_meta(read, LEDGER_ID) or ""


def _given() -> bytes:
    """The key of the environment; nothing where none is set."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return b""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise WebhookInvalid(f"key in ${VARIABLE}", "…", "32 bytes in base64", "openssl rand -base64 32")
    return key
