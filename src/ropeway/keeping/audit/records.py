"""What an audit finds and proves, as small named types."""

from typing import Literal

import msgspec

About = Literal["database", "event", "payload", "tree", "key", "checkpoint", "head", "projection"]


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written.

    Attributes:
        about: what kind of thing.
        what: what is wrong, in words.
        seq: the event concerned, or the first of several; None where it is about none in particular.
        through: the last of several, else as `seq`.
    """

    about: About
    what: str
    seq: int | None = None
    through: int | None = None

    @property
    def sentence(self) -> str:
        """What is wrong, with the numbers of the events concerned."""
        if self.seq is None:
            return self.what
        several = self.through is not None and self.through != self.seq
        return f"{f'events {self.seq} to {self.through}' if several else f'event {self.seq}'}: {self.what}"


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, what was found, and what nobody outside vouches for.

    Attributes:
        ledger: the ledger's id.
        events: how many there are.
        checkpoints: how many heads the database holds.
        outside: how many heads from outside the workspace were held against it.
        uncovered: how many of the last events no sound head from outside covers: they could be taken away
            unseen.
        unsigned: how many of the last events no sound checkpoint covers.
        erased: how many payloads are gone with an erasure on record.
        notes: what to know besides, such as whose word the key is taken on.
        findings: what is wrong; empty when history is as it was written.
    """

    ledger: str
    events: int
    checkpoints: int
    outside: int
    uncovered: int
    unsigned: int
    erased: int
    notes: list[str]
    findings: list[AuditFinding]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That an event stands in the ledger, for who trusts the head. Hashes are in hex.

    Attributes:
        ledger: the ledger's id.
        seq: the event's number; its leaf counts from 0.
        record: the event's canonical bytes, as text.
        size: how many events the head covers.
        root: the tree's root over them.
        path: from the leaf up.
        checkpoint: the signed note over that root; None where no checkpoint covers the event yet.
    """

    ledger: str
    seq: int
    record: str
    size: int
    root: str
    path: list[str]
    checkpoint: str | None


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the ledger of `second` events is that of `first` with events appended. Hashes are in hex."""

    ledger: str
    first: int
    second: int
    first_root: str
    second_root: str
    path: list[str]


class LedgerKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key that signs a ledger's heads. `is_here`: its private half is on this machine, in `folder`."""

    ledger: str
    verifier: str | None
    is_here: bool
    folder: str
    replaced: list[str]
