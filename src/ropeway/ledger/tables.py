"""The ledger's tables: the truth (`recorded`) and the projections (`projected`).

Tables of truth are only ever added to, but for `lease`, which is no history. Tables of `projected` are
disposable: any room may declare its own there; they are dropped and replayed when their shape or their
`info["revision"]` changes.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

recorded = MetaData()
projected = MetaData()

meta = Table(
    "meta",
    recorded,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

event = Table(
    "event",
    recorded,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("subject", String, nullable=False),
    # The canonical bytes of the whole event; the columns before are copies of what they say.
    Column("record", LargeBinary, nullable=False),
    Index("event_subject", "subject", "seq"),
    Index("event_verb", "verb", "seq"),
)

event_payload = Table(
    "event_payload",
    recorded,
    Column("event_id", String, primary_key=True),
    Column("nonce", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
)

answered = Table(
    "answered",
    recorded,
    Column("key", String, primary_key=True),
    Column("operation", String, nullable=False),
    Column("arguments", String, nullable=False),
    Column("result", LargeBinary, nullable=False),
)

# The nodes of the Merkle tree over all records, by their place; see `core.merkle`.
tree = Table(
    "tree",
    recorded,
    # A row id in SQLite: rows are only ever appended, and that is the cheapest way to.
    Column("place", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

# Heads that were signed: notes over the first `size` events.
checkpoint = Table(
    "checkpoint",
    recorded,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("note", String, nullable=False),
)

# No history: who does a piece of work now. The token only ever grows.
lease = Table(
    "lease",
    recorded,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("token", Integer, nullable=False),
    Column("expires_at", String, nullable=False),
)

# `event` is append-only; a payload may one day be erased, but never changed.
NO_UPDATE = """CREATE TRIGGER IF NOT EXISTS event_no_update BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"""
NO_DELETE = """CREATE TRIGGER IF NOT EXISTS event_no_delete BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"""
NO_PAYLOAD_UPDATE = """CREATE TRIGGER IF NOT EXISTS payload_no_update BEFORE UPDATE ON event_payload
BEGIN SELECT RAISE(ABORT, 'payloads are never changed'); END"""
NO_CHANGE = tuple(
    f"""CREATE TRIGGER IF NOT EXISTS {table}_no_{what.lower()} BEFORE {what} ON {table}
BEGIN SELECT RAISE(ABORT, 'nodes and checkpoints are append-only'); END"""
    for table in ("tree", "checkpoint")
    for what in ("UPDATE", "DELETE")
)
TRIGGERS = (NO_UPDATE, NO_DELETE, NO_PAYLOAD_UPDATE, *NO_CHANGE)

edge = Table(
    "edge",
    projected,
    Column("upstream", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("downstream", String, nullable=False),
    Column("seq", Integer, nullable=False),
    UniqueConstraint("upstream", "relation", "downstream"),
    Index("edge_downstream", "downstream"),
)

person = Table(
    "person",
    projected,
    Column("id", String, nullable=False),
    Column("name", String),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("id"),
    Index("person_name", "name"),
)
