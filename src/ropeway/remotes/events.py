"""What happens between a workspace and its remotes, as released facts."""

from collections.abc import Iterable
from datetime import datetime

from ropeway.core.ids import Digest
from ropeway.ledger import Edge, Event, event


@event("version-pulled")
class VersionPulled(Event, frozen=True, kw_only=True):
    """A dataset's or model's version came from a remote, where another workspace had brought it.

    Attributes:
        pulled: the version here, such as `model:mood@1`.
        remote: the remote's name in the project file.
        project: the project that it came from, as its manifest says.
        ledger: the id of the first event of that project's ledger.
        number: its number there.
        event: the id of the event by which it became a version there.
        recorded_at: when that was, by the clock there.
        manifest: the object that says all that was known of it, approvals among it: as told, not as ours.
    """

    pulled: str
    remote: str
    project: str
    ledger: str
    number: int
    event: str
    recorded_at: datetime
    manifest: Digest

    def subject(self) -> str:
        """The version here."""
        return self.pulled

    def edges(self) -> Iterable[Edge]:
        """The manifest that it came with."""
        yield Edge(f"manifest:{self.manifest}", "came-as", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The manifest."""
        return (self.manifest,)
