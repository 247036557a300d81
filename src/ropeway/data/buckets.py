"""Objects in S3 and what speaks like it, by obstore (extra `s3`): list, look, fetch.

Credentials come from the environment (`AWS_ACCESS_KEY_ID` and so on, or the machine's role), never from the
project file.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ropeway.data.pins import Pin
from ropeway.data.sources.errors import BucketsUnsupported, SourceMissing, SourceUnreachable

BLOCK_BYTES = 4 << 20
SCHEME = "s3://"


class Listed(msgspec.Struct, frozen=True):
    """An object of a bucket."""

    key: str
    size_bytes: int
    etag: str


def list_objects(
    url: str, *, endpoint: str | None = None, region: str | None = None
) -> tuple[list[Listed], Callable[[str, Callable[[bytes], object]], None]]:
    """The objects under a prefix, sorted by key; and a function that fetches one of them block by block.

    Raises:
        BucketsUnsupported: obstore is not installed.
        SourceUnreachable: the store could not be asked.
    """
    bucket, prefix = _parts(url)
    store = _store(bucket, endpoint, region)

    def all_of() -> list[Listed]:
        return sorted(
            (
                Listed(each["path"], each["size"], _etag(each))
                for batch in store.list(prefix=prefix or None)
                for each in batch
            ),
            key=lambda each: each.key,
        )

    def fetch(key: str, sink: Callable[[bytes], object]) -> None:
        _asked(f"{SCHEME}{bucket}/{key}", lambda: _stream(store, key, sink))

    return _asked(url, all_of), fetch


def head_object(uri: str, *, endpoint: str | None = None) -> Pin:
    """What an object is known by.

    Raises:
        SourceMissing, SourceUnreachable, BucketsUnsupported: as they say.
    """
    bucket, key = _parts(uri)
    store = _store(bucket, endpoint, None)
    meta = _asked(uri, lambda: store.head(key))
    return Pin(uri=uri, size_bytes=meta["size"], etag=_etag(meta), endpoint=endpoint)


def fetch_object(uri: str, sink: Callable[[bytes], object], *, endpoint: str | None = None) -> Pin:
    """Fetch an object block by block; gives what it is known by."""
    bucket, key = _parts(uri)
    store = _store(bucket, endpoint, None)
    meta = _asked(uri, lambda: _stream(store, key, sink))
    return Pin(uri=uri, size_bytes=meta["size"], etag=_etag(meta), endpoint=endpoint)


def _stream(store: Any, key: str, sink: Callable[[bytes], object]) -> Any:
    got = store.get(key)
    for block in got.stream(min_chunk_size=BLOCK_BYTES):
        sink(bytes(block))
    return got.meta


def _store(bucket: str, endpoint: str | None, region: str | None) -> Any:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise BucketsUnsupported from error
    options: dict[str, Any] = {}
    if endpoint is not None:
        options["endpoint"] = endpoint
    if region is not None:
        options["region"] = region
    return S3Store(
        bucket, **options, client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))}
    )


def _asked(uri: str, question: Callable[[], Any]) -> Any:
    try:
        return question()
    except FileNotFoundError as error:
        raise SourceMissing(uri) from error
    # Boundary: obstore raises of many kinds, most of them without a common root.
    except Exception as error:
        raise SourceUnreachable(uri, (str(error).splitlines() or [type(error).__name__])[0]) from error


def _parts(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key


def _etag(meta: Any) -> str:
    return str(meta.get("e_tag") or "").strip('"')
