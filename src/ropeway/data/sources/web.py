"""A file at an http(s) address, fetched again only when the other side says that it has changed."""

import os
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import msgspec

from ropeway.core.hashing import digest_file
from ropeway.data.file_errors import UnknownFormat
from ropeway.data.naming import FORMATS
from ropeway.data.read import read_table
from ropeway.data.sources.errors import SourceUnset
from ropeway.data.sources.state import Fetched, Spool, State, rows_in_words
from ropeway.workspace.download import download
from ropeway.workspace.tables.source import Source


def fetch_file(
    name: str, source: Source, state: State, spool: Spool, kinds: dict[str, str]
) -> Fetched | None:
    """The rows of the file as it is now; None where it is what it was.

    Raises:
        SourceUnset: the environment variable with the token is not.
        BadAddress, AddressRefused, NotFetched, Undeliverable: it could not be had, or may not be.
        FileUnreadable, BrokenRow, BadHeader: it was had, and cannot be read.
    """
    url = source.url or ""
    form = FORMATS.get(PurePosixPath(urlsplit(url).path).suffix.lower())
    if form is None:
        raise UnknownFormat(Path(url), "its name has no ending that is known")
    path = spool()
    with path.open("xb") as file:
        answer = download(
            url,
            file.write,
            headers=_headers(name, source, state),
            timeout_s=source.timeout_s,
            max_bytes=source.max_bytes,
            allow_private=source.allow_private,
            table=f"source.{name}",
        )
    if not answer.changed:
        return None
    digest = digest_file(path)
    if digest == state.digest:
        return None
    frame = read_table(path, form=form, kinds=kinds, shown=Path(url))
    moved = msgspec.structs.replace(
        state, etag=answer.etag, last_modified=answer.last_modified, digest=digest
    )
    return Fetched(frame, moved, rows_in_words(frame), path, form, digest)


def _headers(name: str, source: Source, state: State) -> dict[str, str]:
    headers: dict[str, str] = {}
    if state.etag:
        headers["If-None-Match"] = state.etag
    elif state.last_modified:
        headers["If-Modified-Since"] = state.last_modified
    if source.token_env is not None:
        token = os.environ.get(source.token_env)
        if not token:
            raise SourceUnset(name, source.token_env)
        headers["Authorization"] = f"Bearer {token}"
    return headers
