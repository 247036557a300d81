"""The ledger's tables: the truth (`recorded`) and the projections (`projected`).

Tables of truth are only ever added to, but for `lease`, which is no history, and for points on their way
into a sealed segment (`point_block`, `point_tip`). Tables of `projected` are
disposable: any room may declare its own there; they are dropped and replayed when their shape or their
`info["revision"]` changes.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
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

# Points of runs that were acknowledged and are in no sealed segment yet: packed columns (`tracking.series`).
# What goes here comes in thousands a second and is no event; the event is `points-sealed`, in whose
# transaction the blocks that it stands for go.
point_block = Table(
    "point_block",
    recorded,
    Column("run", String, primary_key=True),
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# The summary of each metric of a run that has blocks, what was sealed before included.
point_tip = Table(
    "point_tip",
    recorded,
    Column("run", String, primary_key=True),
    Column("key", String, primary_key=True),
    # NULL is NaN: SQLite has no other.
    Column("last", Float),
    Column("step", BigInteger),
    Column("at_us", BigInteger),
    Column("min", Float),
    Column("max", Float),
    Column("count", BigInteger, nullable=False),
    Index("point_tip_last", "key", "last"),
)

# How far each sender of points has come: what is shipped twice is stored once.
point_source = Table(
    "point_source",
    recorded,
    Column("run", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("upto", BigInteger, nullable=False),
)

# `event` is append-only; a payload may be erased, with that on record, but never changed.
GROWING = (("tree", "UPDATE"), ("tree", "DELETE"), ("checkpoint", "UPDATE"), ("checkpoint", "DELETE"))
FORBIDDEN = (
    ("event", "UPDATE", "events are append-only"),
    ("event", "DELETE", "events are append-only"),
    ("event_payload", "UPDATE", "payloads are never changed"),
    *((table, does, "nodes and checkpoints are append-only") for table, does in GROWING),
)
"""What a trigger of the database refuses: on which table, to do what, and the words it says."""

PAYLOAD_ERASED = "payload-erased"
"""The verb of the event without which the database lets no payload go; see `erasure`."""
ERASED_FIRST = (
    "event_payload",
    "DELETE",
    "a payload goes only with its erasure on record",
    f"SELECT 1 FROM event WHERE subject = 'event:' || OLD.event_id AND verb = '{PAYLOAD_ERASED}'",
)
"""What a trigger refuses unless a query finds something: table, what, the words it says, the query."""


def trigger_name(table: str, does: str) -> str:
    """The name of the trigger that forbids it."""
    return f"{table.removeprefix('event_')}_no_{does.lower()}"


def unguarded(triggers: set[str]) -> list[str]:
    """What nothing forbids although something should, given the names of the triggers that there are."""
    return [
        f"nothing keeps the table '{table}' from {does}: the trigger '{trigger_name(table, does)}' is gone"
        for table, does in (*((table, does) for table, does, _ in FORBIDDEN), ERASED_FIRST[:2])
        if trigger_name(table, does) not in triggers
    ]


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
