"""What is done to keep a workspace whole, as released facts."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ropeway.core.ids import Digest
from ropeway.ledger import Event, event


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How much went for one reason: `never-referred`, or a setting of `[retention]`."""

    reason: str
    objects: int
    size_bytes: int


@event("collected")
class Collected(Event, frozen=True, kw_only=True):
    """Objects that nothing keeps were named; from here on they may be gone.

    It is written before the first of them goes, so that what is missing afterwards is never a riddle. One
    that is needed again before its turn, or brought again, stays.

    Attributes:
        collection: its id.
        count: how many were named.
        size_bytes: their size together.
        shares: the same by reason.
        grace_s: how old an object had to be.
        listed: the object with the list.
    """

    collection: str
    count: int
    size_bytes: int
    shares: list[Share]
    grace_s: int
    listed: Digest

    def subject(self) -> str:
        """The collection."""
        return f"collection:{self.collection}"

    def objects(self) -> Iterable[Digest]:
        """The list."""
        return (self.listed,)


@event("hold-placed", erasable=("reason",))
class HoldPlaced(Event, frozen=True, kw_only=True):
    """A thing and all that it came from must stay, whatever `[retention]` says."""

    hold: str
    held: str
    reason: str | None

    def subject(self) -> str:
        """What is held."""
        return self.held


@event("hold-released", erasable=("reason",))
class HoldReleased(Event, frozen=True, kw_only=True):
    """A hold is over."""

    hold: str
    held: str
    reason: str | None

    def subject(self) -> str:
        """What was held."""
        return self.held


@event("backup-made", erasable=("place",))
class BackupMade(Event, frozen=True, kw_only=True):
    """A whole copy of the workspace, as it stood after event `last_seq`, lies elsewhere and was verified.

    Attributes:
        backup: its id.
        last_seq: the last event in it.
        manifest: the digest of its manifest.
        count: how many objects it holds.
        size_bytes: their size together.
        place: where it was put.
    """

    backup: str
    last_seq: int
    manifest: Digest
    count: int
    size_bytes: int
    place: str | None

    def subject(self) -> str:
        """The backup."""
        return f"backup:{self.backup}"


@event("restored", erasable=("place",))
class Restored(Event, frozen=True, kw_only=True):
    """The workspace was made from a backup: what came after `last_seq` elsewhere is not part of this history.

    Attributes:
        backup: the backup's id.
        last_seq: the last event in it.
        manifest: the digest of its manifest.
        made_at: when the backup was made.
        replaced_seq: the last event of the workspace that stood here before; None where there was none.
        place: where the backup lay.
    """

    backup: str
    last_seq: int
    manifest: Digest
    made_at: datetime
    replaced_seq: int | None
    place: str | None

    def subject(self) -> str:
        """The backup."""
        return f"backup:{self.backup}"
