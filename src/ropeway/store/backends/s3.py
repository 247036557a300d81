"""Blobs in a bucket that speaks S3: Amazon's, or another's by its endpoint."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ropeway.store.backends.backend import Backend, Blob, checked_name
from ropeway.store.errors import BackendMissing, BackendUnavailable, BadRange, BlobMissing

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")
CONNECT = timedelta(seconds=5)
TRIED_FOR = timedelta(seconds=30)
LONGEST = timedelta(minutes=5)
"""A request: several packs share a slow line."""
RETRIES = 4
NO_BUCKET = "NoSuchBucket"
"""The protocol's own word, among others that a server may say."""
CUT_SHORT = "response body"
"""So the library says of an answer that broke off. Of a listing, it does not ask for it again."""


class S3Backend:
    """Blobs in a bucket, below a prefix.

    Keys, region and endpoint come from the usual variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    `AWS_SESSION_TOKEN`, `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`. An
    endpoint may be plain `http://` only where that is what is written there.

    Args:
        bucket: its name; it must exist.
        prefix: what all names begin with in the bucket.
        endpoint: instead of the variable's.

    Raises:
        BackendMissing: the extra `s3` is not installed.
    """

    def __init__(self, bucket: str, prefix: str = "", *, endpoint: str | None = None) -> None:
        try:
            from obstore.store import S3Store
        except ImportError as error:
            raise BackendMissing("s3") from error
        endpoint = (
            endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
        )
        settings: S3Config = {
            "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        }
        if endpoint is not None:
            settings["endpoint"] = endpoint
        self._where = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            config=settings,
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
                "connect_timeout": CONNECT,
                "timeout": LONGEST,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": TRIED_FOR},
        )

    def put(self, name: str, data: bytes | memoryview | Path) -> None:
        """See `Backend`."""
        import obstore

        checked_name(name)
        # In parts, one that is killed would leave those that arrived in the bucket, unseen and paid for.
        self._told_of_all(lambda: obstore.put(self._store, name, data, use_multipart=False))

    def get(self, name: str) -> bytes:
        """See `Backend`."""
        import obstore

        checked_name(name)
        return self._told(name, lambda: bytes(obstore.get(self._store, name).bytes()))

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """See `Backend`."""
        import obstore

        checked_name(name)
        if start < 0 or length <= 0:
            raise BadRange(name, start, length)
        try:
            data = self._told(
                name, lambda: bytes(obstore.get_range(self._store, name, start=start, length=length))
            )
        except BackendUnavailable as error:
            # Servers differ in what they say of a range that is not there: its size tells.
            if start + length > self._size(name):
                raise BadRange(name, start, length) from error
            raise
        if len(data) != length:
            raise BadRange(name, start, length)
        return data

    def has(self, name: str) -> bool:
        """See `Backend`."""
        try:
            self._size(name)
        except BlobMissing:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `Backend`."""
        if prefix:
            checked_name(prefix)
        last, tries = None, 0
        while True:
            try:
                for each in self._listed(prefix, last):
                    last = each.name
                    yield each
            except BackendUnavailable as error:
                tries += 1
                if tries > RETRIES or CUT_SHORT not in str(error.__cause__):
                    raise
            else:
                return

    def _listed(self, prefix: str, after: str | None) -> Iterator[Blob]:
        """What comes after a name, in the order of names, until the connection breaks."""
        import obstore

        pages = iter(obstore.list(self._store, prefix or None, offset=after))
        while (page := self._told_of_all(lambda: next(pages, None))) is not None:
            for each in page:
                yield Blob(each["path"], each["size"])

    def delete(self, name: str) -> None:
        """See `Backend`."""
        import obstore

        checked_name(name)
        try:
            self._told(name, lambda: obstore.delete(self._store, name))
        except BlobMissing:
            return

    def _size(self, name: str) -> int:
        import obstore

        checked_name(name)
        return int(self._told(name, lambda: obstore.head(self._store, name))["size"])

    def _told_of_all(self, work: Callable[[], T]) -> T:
        """As `_told`, for what needs no blob to be there: where something is missing, it is the bucket."""
        try:
            return self._told("", work)
        except BlobMissing as error:
            raise BackendUnavailable(self._where, "there is no such bucket") from error

    def _told(self, name: str, work: Callable[[], T]) -> T:
        """Do it; failures in our words: what the server says may hold keys, and is not repeated."""
        from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

        try:
            return work()
        except (FileNotFoundError, NotFoundError) as error:
            raise BlobMissing(name) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise BackendUnavailable(self._where, "the keys are wrong, or lack the right") from error
        except (BaseError, OSError) as error:
            is_gone = NO_BUCKET in str(error)
            reason = "there is no such bucket" if is_gone else "it does not answer as it should"
            raise BackendUnavailable(self._where, reason) from error


_conforms: type[Backend] = S3Backend
