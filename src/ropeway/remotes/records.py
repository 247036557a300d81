"""What came of pushing, fetching, pulling and looking, as small records."""

import msgspec

from ropeway.core.ids import Digest
from ropeway.store.depot import Checked


class RemoteListed(msgspec.Struct, frozen=True, kw_only=True):
    """A remote of the project file.

    Attributes:
        name: its name.
        url: where it is.
        endpoint: of a bucket that is not Amazon's.
        known: the versions that the last fetch found there.
    """

    name: str
    url: str
    endpoint: str | None = None
    known: list[str] = []


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """What a push brought there.

    Attributes:
        remote: its name.
        where: its address.
        versions: those that were asked for.
        new: those of them of which something new can be found there now.
        left_out: versions without bytes here.
        objects: how many objects lacked something there.
        packs: how many packs were written.
        raw_bytes: what lacked, before it was compressed.
        sent_bytes: what travelled.
        checked: what reading it there found, where that was asked for.
    """

    remote: str
    where: str
    versions: list[str]
    new: list[str]
    left_out: list[str] = []
    objects: int
    packs: int
    raw_bytes: int
    sent_bytes: int
    checked: Checked | None = None


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch found there, and the objects that came of the versions asked for."""

    remote: str
    where: str
    versions: list[str]
    objects: int
    read_bytes: int
    unreadable: list[Digest] = []


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was pulled: what it was called there, what it is here, and whether that is new."""

    came_as: str
    ref: str
    is_new: bool
    project: str
    state: str = ""
    remarks: list[str] = []


class PulledVersions(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull made of what is at a remote."""

    remote: str
    where: str
    versions: list[Taken]
    objects: int
    read_bytes: int


class VersionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version is: recorded here, its objects here, at the remote.

    `ref` is its name here, or there where it is not here.
    """

    ref: str
    version: Digest
    here: bool
    there: bool
    fetched: bool
    size_bytes: int
    state: str = ""


class RemoteStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a workspace and a remote stand to each other.

    Attributes:
        remote: its name.
        where: its address.
        versions: all that are here or there.
        push_bytes: what `push --all` would bring there, before it is compressed.
        pull_bytes: what fetching all would bring here, at most.
        objects: how many objects are there.
        packs: in how many packs.
        stored_bytes: what they take there.
        unreadable: manifests there that cannot be believed.
        lacking: versions there of which an object is not: as when it was taken away while they were pushed.
        checked: what reading every byte there found, where that was asked for.
    """

    remote: str
    where: str
    versions: list[VersionStanding]
    push_bytes: int
    pull_bytes: int
    objects: int
    packs: int
    stored_bytes: int
    unreadable: list[Digest] = []
    lacking: list[str] = []
    checked: Checked | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing there was found to be damaged or to lack."""
        return not (self.unreadable or self.lacking or (self.checked and self.checked.damaged))
