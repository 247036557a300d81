"""What is wrong with data that lies elsewhere: what is pulled, and what is referred to.

Invalid    ── SourceTooLarge, RowsDoNotFit, NotAPin   what came cannot be taken
NotFound   ── SourceNotFound, SourceMissing
Conflict   ── SourceMoved      another process pulled from the source at the same time
           └─ SourceChanged    what is referred to is no longer what was pinned
Refused    ── AddressNotOpened, AddressNotShared   of a server's callers
Failed     ── QueryFailed      the project's own query did not run
Unavailable── SourceUnreachable, SourceUnset, BucketsUnsupported
"""

import sys
from collections.abc import Iterable

from ropeway.core.errors import Conflict, Failed, Invalid, NotFound, Refused, Unavailable
from ropeway.core.hashing import short


class SourceChanged(Conflict):
    """What is referred to is no longer what it was."""

    code = "source-changed"

    def __init__(self, shown: str, uri: str, what: str, pinned: object, found: object) -> None:
        name = {"size_bytes": "size", "last_modified": "date"}.get(what, what)
        super().__init__(
            f"{shown} refers to '{uri}', and that has changed: its {name} was {pinned}, and is {found}.",
            expected=f"the {name} {pinned}",
            next_step=f"bring back what it was, or make a new version: ropeway data add --refer '{uri}' "
            f"--name {shown.partition('@')[0]}",
            reference=shown,
            uri=uri,
            pinned=pinned,
            found=found,
        )


class SourceMissing(NotFound):
    """Nothing is at the address that a version refers to, or that a source names."""

    code = "source-missing"

    def __init__(self, uri: str) -> None:
        super().__init__(
            "data at", uri, next_step="check the address, and whether it can be reached from here"
        )


class NotAPin(Invalid):
    """What a version is to refer to its data by is no such object."""

    code = "not-a-pin"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The object {short(digest)}… does not say where data is, nor by what it is known.",
            expected="what ropeway data add --refer makes",
            digest=digest,
        )


class AddressNotOpened(Refused):
    """A server was asked for data that is referred to: it would have to open what a caller has named."""

    code = "address-not-opened"

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"The data is referred to at '{uri[:200]}', and a server opens no address that is on record.",
            expected="data that was brought",
            next_step="ask in the project's own folder, or bring it: ropeway data add FILE",
            uri=uri[:200],
        )


class AddressNotShared(Refused):
    """A caller from afar refers to what others could not, or should not, open."""

    code = "address-not-shared"

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"'{uri[:200]}' cannot be referred to through a server: {reason}.",
            expected="a public http(s) URL, or s3://bucket/key",
            next_step="bring it: ropeway data add FILE",
            uri=uri[:200],
        )


class SourceUnreachable(Unavailable):
    """A source could not be asked."""

    code = "source-unreachable"

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"'{uri}' could not be asked: {reason}.",
            expected="an address that answers, and credentials in the environment that it takes",
            uri=uri,
        )


class BucketsUnsupported(Unavailable):
    """The library that speaks with buckets is an extra, and not installed."""

    code = "buckets-unsupported"

    def __init__(self) -> None:
        super().__init__(
            "Buckets are asked through obstore, which is not installed.",
            expected="the extra 's3'",
            next_step=f"{sys.executable} -m pip install 'ropeway[s3]'",
        )


class SourceNotFound(NotFound):
    """The project file declares no such source."""

    code = "source-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("source", name, known=known, next_step=f"declare [source.{name}] in ropeway.toml")


class SourceUnset(Unavailable):
    """The environment variable that a source names is not set."""

    code = "source-unset"

    def __init__(self, source: str, variable: str) -> None:
        super().__init__(
            f"[source.{source}] takes its address or token from ${variable}, which is not set.",
            next_step=f"export {variable}=...",
            source=source,
            variable=variable,
        )


class SourceMoved(Conflict):
    """Another process pulled from the source in the meantime."""

    code = "source-moved"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"Another process pulled from [source.{source}] just now.",
            next_step="run the command again",
            source=source,
        )


class SourceTooLarge(Invalid):
    """A source holds more than the project file lets it bring."""

    code = "source-too-large"

    def __init__(self, source: str, size: int, limit: int) -> None:
        super().__init__(
            f"[source.{source}] would bring {size:,} bytes.",
            expected=f"at most {limit:,} bytes (`max_bytes`)",
            next_step=f"raise `max_bytes` of [source.{source}], or: ropeway data add --refer",
            source=source,
        )


class RowsDoNotFit(Invalid):
    """Rows that cannot stand below each other."""

    code = "rows-do-not-fit"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"What came cannot stand below the rows there are: {reason}.",
            expected="columns of the same types",
            next_step='mend the source, or pull it with mode = "replace"',
            name=name,
        )


class QueryFailed(Failed):
    """A source's query did not run, or gave what is no table."""

    code = "query-failed"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"The query of [source.{source}] failed: {reason}.",
            expected="a SELECT that the database runs, each column with a name of its own",
            next_step=f"edit `query` of [source.{source}] in ropeway.toml",
            source=source,
        )
