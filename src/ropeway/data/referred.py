"""Data that is too large to bring: a version that says where the bytes are, and by what they are known.

The version's object is a pin: address, size, etag or digest. The bytes are not kept, so they cannot be
restored; whenever they are read, what is there is first held against the pin, and refused if it is another.
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest, new_id
from ropeway.data.folder import files_of
from ropeway.data.pins import Member, Pin, read_pin
from ropeway.data.records import DatasetVersion
from ropeway.data.sources.errors import (
    AddressNotOpened,
    AddressNotShared,
    SourceChanged,
    SourceMissing,
)
from ropeway.store import Store
from ropeway.workspace import Project
from ropeway.workspace.download import download
from ropeway.workspace.outbound import parse_url

MOST_BYTES = 2**40
PATIENCE_S = 600.0
S3 = "s3://"
WEB = ("http://", "https://")


class Place(Protocol):
    """What is needed of a workspace, or of a context, to reach a version's bytes."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        ...

    @property
    def home(self) -> Path:
        """The workspace's own folder."""
        ...

    @property
    def store(self) -> Store:
        """The objects."""
        ...

    @property
    def project(self) -> Project:
        """The project file."""
        ...

    @property
    def opens_addresses(self) -> bool:
        """Whether an address that is on record is opened here."""
        ...


def require_unchanged(place: Place, version: DatasetVersion) -> None:
    """Refuse a referred version whose bytes are no longer what they were; any other passes.

    Raises:
        SourceChanged: with what was pinned and what is there.
        SourceMissing, NotFetched: nothing is there, or it could not be asked.
    """
    if version.is_kept:
        return
    pin = read_pin(place.store, version)
    _compare(version.shown, pin, look(place, pin.uri, endpoint=pin.endpoint))


@contextmanager
def opened(place: Place, version: DatasetVersion) -> Iterator[Path]:
    """A file with the version's bytes, verified, for as long as it is read.

    Raises:
        SourceChanged, SourceMissing, NotFetched: a referred version cannot be had as it was.
    """
    if version.is_kept:
        yield place.store.open_path(version.version)
        return
    pin = read_pin(place.store, version)
    with fetched(place, pin.uri, endpoint=pin.endpoint) as (path, found):
        _compare(version.shown, pin, found)
        yield path


@contextmanager
def fetched(place: Place, uri: str, *, endpoint: str | None = None) -> Iterator[tuple[Path, Pin]]:
    """The bytes at an address as a file, and what they are known by, with their digest.

    A local file is read where it is; others are fetched block by block to a file that goes again.
    """
    _require_own(place, uri)
    if not is_remote(uri):
        path = _local(place.root, uri)
        yield path, look(place, uri)
        return
    spool = place.home / "tmp" / new_id("tmp")
    try:
        with spool.open("xb") as file:
            if uri.startswith(S3):
                from ropeway.data.buckets import fetch_object

                found = fetch_object(uri, file.write, endpoint=endpoint)
            else:
                answer = download(
                    uri,
                    file.write,
                    timeout_s=PATIENCE_S,
                    max_bytes=MOST_BYTES,
                    allow_private=is_allowed_private(place.project, uri),
                )
                found = Pin(uri=uri, etag=answer.etag, last_modified=answer.last_modified)
        size = spool.stat().st_size
        digest = digest_file(spool) if size else None
        yield spool, msgspec.structs.replace(found, size_bytes=size, digest=digest)
    finally:
        spool.unlink(missing_ok=True)


def look(place: Place, uri: str, *, endpoint: str | None = None) -> Pin:
    """What is at an address now, as far as can be told without fetching it; local bytes are read.

    Raises:
        SourceMissing, NotFetched: nothing is there, or it could not be asked.
        AddressNotOpened: this is a server, and it may be a caller's address.
    """
    _require_own(place, uri)
    if uri.startswith(S3):
        from ropeway.data.buckets import head_object

        return head_object(uri, endpoint=endpoint)
    if uri.startswith(WEB):
        allowed = is_allowed_private(place.project, uri)
        answer = download(uri, len, method="HEAD", timeout_s=PATIENCE_S, max_bytes=0, allow_private=allowed)
        return Pin(
            uri=uri, size_bytes=answer.size_bytes, etag=answer.etag, last_modified=answer.last_modified
        )
    path = _local(place.root, uri)
    if path.is_dir():
        members = {name: _member(path / name) for name in files_of(path)}
        return Pin(uri=uri, size_bytes=sum(each.size_bytes for each in members.values()), members=members)
    member = _member(path)
    return Pin(uri=uri, size_bytes=member.size_bytes, digest=member.digest)


def require_shared(project: Project, pin: Pin) -> None:
    """Refuse an address that somebody from afar may not put on record for those who will open it.

    Raises:
        AddressNotShared: it is a path, of some machine; or leads to a store that the project does not know.
        BadAddress: it is a URL that nothing is fetched from.
    """
    if not is_remote(pin.uri):
        raise AddressNotShared(pin.uri, "it is a path on one machine")
    if pin.uri.startswith(WEB):
        parse_url(pin.uri)
    elif pin.endpoint is not None and pin.endpoint not in {each.endpoint for each in project.source.values()}:
        raise AddressNotShared(pin.uri, f"no [source.NAME] of the project has the endpoint '{pin.endpoint}'")


def _require_own(place: Place, uri: str) -> None:
    if not place.opens_addresses:
        raise AddressNotOpened(uri)


def is_remote(uri: str) -> bool:
    """Whether an address is not a path on this machine."""
    return uri.startswith((*WEB, S3))


def is_allowed_private(project: Project, uri: str) -> bool:
    """Whether the project file says of this very host that it may be a private one."""
    host = urlsplit(uri).netloc
    return any(
        each.allow_private and each.url is not None and urlsplit(each.url).netloc == host
        for each in project.source.values()
    )


def _compare(shown: str, pin: Pin, now: Pin) -> None:
    if (found := pin.differs(now)) is not None:
        name, was, at_present = found
        raise SourceChanged(shown, pin.uri, name, was, at_present)


def _local(root: Path, uri: str) -> Path:
    path = root / uri
    if not path.exists():
        raise SourceMissing(uri)
    return path


_digests: dict[tuple[int, int, int, int], Digest] = {}
"""What was read in this process, by the file's identity: a large file is not read again at each look."""


def _member(path: Path) -> Member:
    status = path.stat()
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if identity not in _digests:
        _digests[identity] = digest_file(path)
    return Member(status.st_size, _digests[identity])


def within(root: Path, path: Path) -> str:
    """A path as a pin names it: within the project where it can, so that the project can be moved."""
    with contextlib.suppress(ValueError):
        return path.resolve().relative_to(root.resolve()).as_posix()
    return os.fspath(path.resolve())
