"""Pins: where the bytes of a version are that is only referred to, and by what they are known."""

import msgspec

from ropeway.core.ids import Digest
from ropeway.data.records import DatasetVersion
from ropeway.data.sources.errors import NotAPin
from ropeway.store import Store


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A file of a folder that is referred to."""

    size_bytes: int
    digest: Digest


class Pin(msgspec.Struct, frozen=True, kw_only=True, tag="pin", omit_defaults=True):
    """Where bytes are, and by what it is known whether they are still the same.

    Attributes:
        uri: a path (within the project, or absolute), an http(s) URL, or `s3://bucket/key`.
        form: how rows are read from them: `csv`, `parquet`, `jsonl`; None where nobody looked inside.
        size_bytes: how many; None where the other side does not say.
        etag: the other side's own name for these bytes.
        last_modified: where it has no such name.
        digest: ours, where the bytes were read.
        members: of a folder, its files.
        endpoint: of an S3 store that is not Amazon's.
    """

    uri: str
    form: str | None = None
    size_bytes: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    digest: Digest | None = None
    members: dict[str, Member] = {}
    endpoint: str | None = None

    def differs(self, now: "Pin") -> tuple[str, object, object] | None:
        """What another look found to be different: its name, how it was, how it is."""
        for name in ("members", "digest", "etag", "size_bytes", "last_modified"):
            was, found = getattr(self, name), getattr(now, name)
            if was and found and was != found:
                return (name, _briefly(was), _briefly(found))
        return None


def read_pin(store: Store, version: DatasetVersion) -> Pin:
    """What a referred version is known by."""
    return read_pin_of(store, version.version)


def read_pin_of(store: Store, digest: Digest) -> Pin:
    """The pin that is an object.

    Raises:
        NotAPin: the object is something else.
    """
    try:
        return msgspec.json.decode(store.read(digest), type=Pin)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAPin(digest) from error


def _briefly(value: object) -> object:
    if isinstance(value, dict):
        return f"{len(value):,} files, {sum(each.size_bytes for each in value.values()):,} bytes"
    return value
