"""The operations on webhooks. All are for who keeps the project: an address may be a secret itself."""

import re
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from ropeway.core.ids import new_id
from ropeway.webhooks.address import check_address
from ropeway.webhooks.errors import UnknownWebhook, WebhookAmbiguous, WebhookInvalid, WebhookSealed
from ropeway.webhooks.events import WebhookChanged, WebhookCreated, WebhookRemoved
from ropeway.webhooks.projections import webhook as table
from ropeway.webhooks.projections import webhook_progress, webhook_sealed
from ropeway.webhooks.records import Hook, Trial
from ropeway.webhooks.send import Message, delivery_id, send, status_of
from ropeway.webhooks.topics import EXAMPLES, check_topics
from ropeway.webhooks.vault import Hidden, Vault, ledger_of
from ropeway.workspace import Context, Limit, operation
from ropeway.workspace.outbound import AddressRefused, BadAddress, Undeliverable

NAMES = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
LONGEST_SECRET = 1_000
LONGEST_DESCRIPTION = 5_000
MOST = 1_000
"""Webhooks of one project."""

__all__ = [
    "add_webhook",
    "change_webhook",
    "find_webhook",
    "get_webhook",
    "list_webhooks",
    "remove_webhook",
    "try_webhook",
]


@operation("webhooks.add", kind="command", permission="webhooks:manage")
def add_webhook(
    context: Context,
    *,
    name: str,
    url: str,
    topics: list[str],
    description: str = "",
    secret: str = "",
    active: bool = True,
) -> str:
    """Tell an address of what happens to models from now on; gives the webhook's id.

    Args:
        context: the call.
        name: for people.
        url: https, and public unless `[webhooks]` of the project file names its host.
        topics: of what, such as `model_version.created`.
        description: free words.
        secret: signs what is sent; kept sealed, and never shown again. Empty: nothing is signed.
        active: whether it is told anything yet.

    Raises:
        WebhookInvalid: it cannot be.
    """
    _check_words(name, description, secret)
    topics = check_topics(topics)
    host = check_address(url, context.project.webhooks)
    vault, webhook = _vault(context), new_id("webhook")
    transaction = context.begin()
    if len(_rows(context.read, MOST, 0)) == MOST:
        raise WebhookInvalid("number", str(MOST + 1), f"at most {MOST:,} webhooks", "ropeway webhooks remove")
    context.append(
        WebhookCreated(
            webhook=webhook,
            name=name,
            host=host,
            description=description,
            topics=topics,
            is_active=active,
            is_signed=bool(secret),
        )
    )
    vault.keep(transaction.connection, webhook, Hidden(url=url, secret=secret))
    return webhook


@operation("webhooks.change", kind="command", permission="webhooks:manage")
def change_webhook(
    context: Context,
    *,
    webhook: str,
    name: str | None = None,
    url: str | None = None,
    topics: list[str] | None = None,
    description: str | None = None,
    secret: str | None = None,
    active: bool | None = None,
) -> str:
    """Change a webhook; what is not given stays. Gives its id.

    One that was put to sleep and wakes is not told what happened meanwhile.

    Raises:
        UnknownWebhook: there is none.
        WebhookInvalid: it cannot be so.
        WebhookSealed: the address or the secret is to stay, and cannot be opened here.
    """
    _check_words(name, description, secret)
    host = None if url is None else check_address(url, context.project.webhooks)
    transaction = context.begin()
    row = _require(context.read, webhook)
    if url is not None or secret is not None:
        hidden = Hidden(url="") if None not in (url, secret) else _vault(context).open(context.read, webhook)
        hidden = Hidden(
            url=hidden.url if url is None else url, secret=hidden.secret if secret is None else secret
        )
        _vault(context).keep(transaction.connection, webhook, hidden)
    context.append(
        WebhookChanged(
            webhook=webhook,
            name=name,
            host=host,
            description=description,
            topics=None if topics is None else check_topics(topics),
            is_active=active if active is not None and active != row.is_active else None,
            is_signed=None if secret is None else bool(secret),
            is_moved=url is not None,
            is_rekeyed=secret is not None,
        )
    )
    return webhook


@operation("webhooks.remove", kind="command", permission="webhooks:manage")
def remove_webhook(context: Context, *, webhook: str) -> str:
    """Tell an address nothing more; its secret is forgotten. Gives the webhook's id.

    Raises:
        UnknownWebhook: there is none.
    """
    transaction = context.begin()
    _require(context.read, webhook)
    context.append(WebhookRemoved(webhook=webhook))
    for each in (webhook_sealed, webhook_progress):
        transaction.connection.execute(delete(each).where(each.c.webhook == webhook))
    return webhook


@operation("webhooks.get", kind="query", permission="webhooks:manage")
def get_webhook(context: Context, *, webhook: str) -> Hook:
    """A webhook by its id.

    Raises:
        UnknownWebhook: there is none.
    """
    return _hook(context, _require(context.read, webhook))


@operation("webhooks.list", kind="query", permission="webhooks:manage")
def list_webhooks(context: Context, *, limit: Limit = 100, after: Limit = 0) -> list[Hook]:
    """The webhooks, the newest first, and how it goes with each."""
    return [_hook(context, row) for row in _rows(context.read, limit, after)]


@operation("webhooks.find", kind="query", permission="webhooks:manage")
def find_webhook(context: Context, *, name: str) -> Hook:
    """A webhook by its name or its id.

    Raises:
        UnknownWebhook: there is none.
        WebhookAmbiguous: several have that name.
    """
    rows = [row for row in _rows(context.read, MOST, 0) if name in (row.id, row.name)]
    if not rows:
        known = context.read.execute(select(table.c.name).limit(MOST)).scalars()
        raise UnknownWebhook(name, [each for each in known if each])
    if len(rows) > 1:
        raise WebhookAmbiguous(name, [row.id for row in rows])
    return _hook(context, rows[0])


@operation("webhooks.test", kind="command", permission="webhooks:manage")
def try_webhook(context: Context, *, webhook: str, topic: str = "") -> Trial:
    """Send a webhook an example of what it is told, once, and say what came of it. Nothing of it is kept.

    Args:
        context: the call.
        webhook: its id.
        topic: an example of this; of the first that it is told of when absent.

    Raises:
        UnknownWebhook: there is none.
        WebhookSealed: its address cannot be opened here.
    """
    # A snapshot of its own, let go before anything is sent: the other side may take its time.
    with context.ledger.reading() as read:
        row = _require(read, webhook)
        chosen = check_topics([topic])[0] if topic else row.topics.split()[0]
        hidden, now = Vault(ledger_of(read)).open(read, webhook), context.clock.now()
    message = Message(
        id=delivery_id(webhook, new_id("trial"), 0), topic=chosen, at=now, data=EXAMPLES[chosen]
    )
    try:
        return Trial(success=True, status=send(message, hidden, context.project.webhooks, now))
    except (BadAddress, AddressRefused, Undeliverable) as error:
        return Trial(success=False, status=status_of(error), error=error.what)


def _check_words(name: str | None, description: str | None, secret: str | None) -> None:
    if name is not None and not NAMES.fullmatch(name):
        raise WebhookInvalid(
            "name", name, "1 to 63 letters, digits, '.', '_' or '-', a letter or digit first and last"
        )
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        raise WebhookInvalid("description", "…", f"at most {LONGEST_DESCRIPTION:,} characters")
    if secret is not None and len(secret) > LONGEST_SECRET:
        raise WebhookInvalid("secret", "…", f"at most {LONGEST_SECRET:,} characters")


def _vault(context: Context) -> Vault:
    return Vault(ledger_of(context.read))


def _rows(read: Connection, limit: int, after: int) -> list[Row[Any]]:
    query = select(table).order_by(table.c.created_at.desc(), table.c.seq.desc())
    return list(read.execute(query.limit(limit).offset(after)))


def _require(read: Connection, webhook: str) -> Row[Any]:
    row = read.execute(select(table).where(table.c.id == webhook)).first()
    if row is None:
        raise UnknownWebhook(webhook)
    return row


def _hook(context: Context, row: Row[Any]) -> Hook:
    try:
        url = _vault(context).open(context.read, row.id).url
    except WebhookSealed:
        url = f"https://{row.host}/…"
    progress = webhook_progress.c
    stuck = context.read.execute(select(webhook_progress).where(progress.webhook == row.id)).first()
    return Hook(
        id=row.id,
        name=row.name or "",
        url=url,
        description=row.description or "",
        topics=row.topics.split(),
        is_active=row.is_active,
        is_signed=row.is_signed,
        created_at=row.created_at,
        changed_at=row.changed_at,
        fails=0 if stuck is None else stuck.fails,
        says="" if stuck is None else stuck.says,
        next_at="" if stuck is None or not stuck.fails else stuck.next_at,
    )
