"""What an erasure will do, what it did, and what it could not reach: small records, nothing of what went."""

from datetime import datetime
from typing import Literal

import msgspec

from ropeway.core.ids import Digest, EventId

What = Literal["values", "rows"]


class ErasedPayload(msgspec.Struct, frozen=True, kw_only=True):
    """An event that loses its values: which, and what kind of values these are."""

    event: EventId
    seq: int
    verb: str
    subject: str
    fields: list[str]


class ErasedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that goes: why, and what needed it."""

    digest: Digest
    size_bytes: int
    why: str
    needed_by: list[str] = []


class UnsearchedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object of which nobody can say whether it holds something of what goes; it stays.

    Attributes:
        digest: which.
        size_bytes: its size.
        why: which parts could not be read, by their numbers, and the reason.
        needed_by: the events that need it; none where nothing on record does.
    """

    digest: Digest
    size_bytes: int
    why: str
    needed_by: list[str] = []


class ModelConcerned(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that learnt from what goes.

    Attributes:
        ref: which.
        state: where it stands.
        environments: where it is live, or takes part in the traffic.
        next_step: what to do about it: what a model has learnt, no erasure takes out of it.
    """

    ref: str
    state: str
    environments: list[str]
    next_step: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that an erasure does, and what it knows that it cannot do. Kept as an object before anything goes.

    Attributes:
        erasure: the certificate's id.
        what: values of events, or rows of data.
        scope: in words, without the values.
        payloads: the events that lose their values.
        objects: the objects that go.
        answers: the keys of remembered answers that are emptied.
        versions: the dataset versions that go.
        replaced_by: the versions that take their place.
        rewritten: the segments of the log of predictions that were written anew.
        models: those that learnt from it, in production first.
        remains: what holds something of it and stays, and why.
        unreached: copies that nobody can reach from here, and what to do about each.
        unsearched: the objects that could not be searched, or not in all their parts; they stay.
    """

    erasure: str
    what: What
    scope: str
    payloads: list[ErasedPayload] = []
    objects: list[ErasedObject] = []
    answers: list[str] = []
    versions: list[str] = []
    replaced_by: list[str] = []
    rewritten: list[str] = []
    models: list[ModelConcerned] = []
    remains: list[str] = []
    unreached: list[str] = []
    unsearched: list[UnsearchedObject] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (self.payloads or self.objects)


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, and against what that is proven. An object in the store, for ever.

    Attributes:
        plan: what was to be done, and was.
        begun_seq: the event that named it.
        by: the id of who asked.
        begun_at: when that was.
        finished_at: when all of it was gone.
        tree_size: how many events the ledger then had.
        tree_root: the root of its tree over them, in hex: the events without their values are under it.
    """

    plan: Plan
    begun_seq: int
    by: str
    begun_at: datetime
    finished_at: datetime
    tree_size: int
    tree_root: str


class RemotePurge(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken from a remote, since it was erased here.

    Attributes:
        remote: its name.
        erasures: the certificates under which all this went here.
        objects: how many objects were there still.
        packs: how many packs were written anew without them.
        freed_bytes: how much less lies there.
    """

    remote: str
    erasures: list[str]
    objects: int
    packs: int
    freed_bytes: int


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure as people read it.

    Attributes:
        id: the certificate's.
        seq: the event that began it.
        what: values of events, or rows of data.
        begun_at: when.
        by: who asked, by name or id.
        request: under which request; None without one, or once that was erased.
        payloads: how many events lost their values.
        objects: how many objects went.
        size_bytes: their size together.
        finished_at: when all of it was gone; None while it is not.
        is_dry_run: whether it is only said what would go.
        plan: what was, or would be, done.
        certificate: the whole, once it is finished.
    """

    id: str
    seq: int
    what: What
    begun_at: datetime | None
    by: str
    request: str | None
    payloads: int
    objects: int
    size_bytes: int
    finished_at: datetime | None = None
    is_dry_run: bool = False
    plan: Plan | None = None
    certificate: Certificate | None = None
