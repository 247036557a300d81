"""What `why` answers: a thing, the way back from it, and the way forward."""

from datetime import datetime

import msgspec

from ropeway.predictions.record import Prediction


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in words.

    Attributes:
        ref: the `kind:id` reference by which edges know it.
        title: what it is, in a few words.
        at: when it came to be.
        by: who did it; empty where nobody is recorded.
        lines: what is to be known of it, a sentence a line.
    """

    ref: str
    title: str
    at: datetime | None = None
    by: str = ""
    lines: list[str] = []


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A thing on the way, how it is connected, and where the way goes on.

    Attributes:
        thing: what it is.
        relation: the edge to the thing before it, as the ledger names it.
        links: the next things on the way.
        is_repeated: it stands elsewhere in this account with its own way, which is not told twice.
    """

    thing: Told
    relation: str
    links: list["Link"] = []
    is_repeated: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Where something came from, and what came of it; of a prediction also its whole record."""

    asked: str
    thing: Told
    back: list[Link]
    forward: list[Link]
    prediction: Prediction | None = None
    left_out: int = 0
    """Things on the way forward that are not told, being too many."""
