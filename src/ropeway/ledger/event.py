"""What an event is, and how its class becomes known.

An event is a released fact: its verb, version and fields never change. A new shape is a new version.
Fields named `erasable` (names, comments, params, tags) are kept apart, committed to by a salted digest, and
read as None once erased; so their type includes None.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from ropeway.core.ids import Digest, EventId, PersonId


class Edge(msgspec.Struct, frozen=True):
    """A lineage edge: `downstream` came from `upstream` by `relation`. Ends are `kind:id` references."""

    upstream: str
    relation: str
    downstream: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all events. Subclasses carry fields, say their subject and their lineage edges."""

    def subject(self) -> str:
        """What the event is about, as a `kind:id` reference."""
        raise TypeError(f"{type(self).__name__} must say its subject")

    def edges(self) -> Iterable[Edge]:
        """The lineage edges that this event draws; none by default."""
        return ()

    def objects(self) -> Iterable[Digest]:
        """The objects in the store that this event needs there, trees for what they hold; none by default."""
        return ()


E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class Fact(msgspec.Struct, Generic[E_co], frozen=True):
    """An event as recorded: with its place in the sequence, its time and its actor.

    `auth` says how the actor proved who it is: "none" (a local caller's name, as given), "token", "session".
    """

    seq: int
    id: EventId
    at: datetime
    actor: PersonId
    event: E_co
    auth: str = "none"


class EventType(msgspec.Struct, frozen=True):
    """What the ledger knows of an event class."""

    verb: str
    version: int
    cls: type[Event]
    erasable: tuple[str, ...]


TYPES_BY_VERB: dict[tuple[str, int], EventType] = {}
TYPES_BY_CLASS: dict[type[Event], EventType] = {}


def event(verb: str, *, version: int = 1, erasable: tuple[str, ...] = ()) -> Callable[[type[E]], type[E]]:
    """Register an event class under its verb: past tense, kebab-case, stable for ever.

    Args:
        verb: the event's name, such as `dataset-arrived`.
        version: 1 for a new event; a new shape of a released one takes the next number.
        erasable: the fields that hold personal or free values.
    """

    def register(cls: type[E]) -> type[E]:
        known = TYPES_BY_VERB.get((verb, version))
        # A module that is loaded twice under one name is the same event; anything else is a clash of ours.
        assert known is None or known.cls.__qualname__ == cls.__qualname__, f"event {verb} is declared twice"
        fields = {field.name for field in msgspec.structs.fields(cls)}
        assert set(erasable) <= fields, f"event {verb}: erasable names unknown fields"
        event_type = EventType(verb=verb, version=version, cls=cls, erasable=erasable)
        TYPES_BY_VERB[verb, version] = event_type
        TYPES_BY_CLASS[cls] = event_type
        return cls

    return register
