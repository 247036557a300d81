"""The table of webhooks, and two that are no history: what is sealed, and how far each has been told."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    update,
)

from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, projected, projects
from ropeway.ledger.tables import recorded
from ropeway.webhooks.events import WebhookChanged, WebhookCreated, WebhookRemoved

webhook = Table(
    "webhook",
    projected,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("host", String),
    Column("description", String),
    # Words with a space between.
    Column("topics", String, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_signed", Boolean, nullable=False),
    # What happened up to here is none of its concern.
    Column("since", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("created_at", String, nullable=False),
    Column("changed_at", String, nullable=False),
)

# No history: the address and the secret, sealed with a key that lies elsewhere. Gone with the webhook.
webhook_sealed = Table(
    "webhook_sealed",
    recorded,
    Column("webhook", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# No history either: the last event of which all messages were taken, and how many of the next one's were.
webhook_progress = Table(
    "webhook_progress",
    recorded,
    Column("webhook", String, primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("fails", Integer, nullable=False),
    Column("next_at", String, nullable=False),
    Column("says", String, nullable=False),
)


@projects(WebhookCreated)
def _create(fact: Fact[WebhookCreated], connection: Connection) -> None:
    made = fact.event
    add(
        connection,
        webhook,
        id=made.webhook,
        name=made.name,
        host=made.host,
        description=made.description,
        topics=" ".join(made.topics),
        is_active=made.is_active,
        is_signed=made.is_signed,
        since=fact.seq,
        seq=fact.seq,
        created_at=to_text(fact.at),
        changed_at=to_text(fact.at),
    )


@projects(WebhookChanged)
def _change(fact: Fact[WebhookChanged], connection: Connection) -> None:
    event = fact.event
    changed: dict[str, object] = {"changed_at": to_text(fact.at)}
    for name in ("name", "host", "description", "is_active", "is_signed"):
        if getattr(event, name) is not None:
            changed[name] = getattr(event, name)
    if event.topics is not None:
        changed["topics"] = " ".join(event.topics)
    if event.is_active:
        # One that slept is not told what happened meanwhile.
        changed["since"] = fact.seq
    connection.execute(update(webhook).where(webhook.c.id == event.webhook).values(**changed))


@projects(WebhookRemoved)
def _remove(fact: Fact[WebhookRemoved], connection: Connection) -> None:
    connection.execute(delete(webhook).where(webhook.c.id == fact.event.webhook))
