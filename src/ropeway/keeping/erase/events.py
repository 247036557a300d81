"""What happens when something is erased, for ever. What was erased is not in these events, nor is it told."""

from collections.abc import Iterable

from ropeway.core.ids import Digest
from ropeway.ledger import Event, event
from ropeway.ledger.erasure import PayloadErased

__all__ = ["ErasureBegun", "ErasureFinished", "ErasurePurged", "PayloadErased"]


@event("erasure-begun", erasable=("request",))
class ErasureBegun(Event, frozen=True, kw_only=True):
    """What must go was found and is named; from here on it may be gone, and will be.

    It is written before the first byte goes, so that what is missing afterwards is never a riddle.

    Attributes:
        erasure: the certificate's id.
        what: `values` of events, or `rows` of data.
        payloads: how many events lose their values.
        count: how many objects go.
        size_bytes: their size together.
        listed: the object with the plan: which events, which objects.
        request: under which request, in the words of who asks.
    """

    erasure: str
    what: str
    payloads: int
    count: int
    size_bytes: int
    listed: Digest
    request: str | None

    def subject(self) -> str:
        """The erasure."""
        return f"erasure:{self.erasure}"

    def objects(self) -> Iterable[Digest]:
        """The plan."""
        return (self.listed,)


@event("erasure-finished")
class ErasureFinished(Event, frozen=True, kw_only=True):
    """All that was named is gone.

    Attributes:
        erasure: the certificate's id.
        certificate: the object that says what went, what is proven, and what could not be reached.
    """

    erasure: str
    certificate: Digest

    def subject(self) -> str:
        """The erasure."""
        return f"erasure:{self.erasure}"

    def objects(self) -> Iterable[Digest]:
        """The certificate."""
        return (self.certificate,)


@event("erasure-purged")
class ErasurePurged(Event, frozen=True, kw_only=True):
    """What was erased here is gone from a remote as well, as far as it was still there.

    Attributes:
        remote: its name.
        erasures: the certificates under which it went here.
        count: how many objects were there still.
        packs: how many packs were written anew without them.
        freed_bytes: how much less lies there.
    """

    remote: str
    erasures: list[str]
    count: int
    packs: int
    freed_bytes: int

    def subject(self) -> str:
        """The remote."""
        return f"remote:{self.remote}"
