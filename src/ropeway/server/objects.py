"""Objects in and out by digest. A client never names a path: it brings bytes for a digest, or the reverse."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import IO, NamedTuple

from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.server.errors import UnknownObject
from ropeway.serving.door import SAFETY_HEADERS, Receive, Scope, Send, header
from ropeway.serving.errors import BodyTooLarge, RequestTimeout, UnsupportedContent
from ropeway.store.files import in_our_words
from ropeway.workspace import Workspace
from ropeway.workspace.connection import DIGEST
from ropeway.workspace.errors import DigestDiffers

OBJECT_BYTES = 4 * 2**30
"""The default limit of one object brought over HTTP."""
PIECE_S = 30.0
"""Within this time so much of an object must arrive, or its end:"""
PIECE_BYTES = 64 * 1024
READ_BYTES = 256 * 1024
OCTETS = "application/octet-stream"


class Kept(NamedTuple):
    """An object that has come in."""

    digest: Digest
    size_bytes: int


async def take_object(
    workspace: Workspace, scope: Scope, receive: Receive, limit_bytes: int
) -> dict[str, object]:
    """Keep a request's body as an object, in bounded memory; gives its digest and size.

    Raises:
        UnsupportedContent: the type is not plain bytes.
        DigestDiffers: they are not those of the digest that the caller named.
        BodyTooLarge: it is over the limit.
        RequestTimeout: it stops coming, or trickles.
        OutOfSpace: the disk is full.
    """
    if header(scope, b"content-type") != OCTETS:
        raise UnsupportedContent(header(scope, b"content-type")[:80], OCTETS)
    kept = await store_body(workspace, scope, receive, limit_bytes)
    return {"digest": kept.digest, "size_bytes": kept.size_bytes}


async def store_body(workspace: Workspace, scope: Scope, receive: Receive, limit_bytes: int) -> Kept:
    """Keep a request's body as an object, whatever its type; see `take_object`."""
    said = header(scope, b"content-length")
    if said and int(said) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    folder = workspace.home / "tmp"
    with in_our_words(folder), tempfile.NamedTemporaryFile(dir=folder, prefix="upload-") as scratch:
        size = await spool(scratch, receive, limit_bytes)
        scratch.flush()
        said_digest = header(scope, DIGEST.encode())
        if said_digest and (found := await asyncio.to_thread(digest_file, Path(scratch.name))) != said_digest:
            raise DigestDiffers(said_digest[:64], found)
        digest = await asyncio.to_thread(workspace.store.put_file, Path(scratch.name))
    return Kept(digest, size)


async def spool(scratch: IO[bytes], receive: Receive, limit_bytes: int) -> int:
    """Write a request's body to a file; gives its size. Errors as of `take_object`."""
    size, is_whole = 0, False
    while not is_whole:
        try:
            async with asyncio.timeout(PIECE_S):
                size, is_whole = await _spool_some(scratch, receive, size, limit_bytes)
        except TimeoutError as error:
            raise RequestTimeout(PIECE_S) from error
    return size


async def _spool_some(scratch: IO[bytes], receive: Receive, size: int, limit_bytes: int) -> tuple[int, bool]:
    """Take in the next piece; gives the size so far, and whether that was the end."""
    enough = size + PIECE_BYTES
    while size < enough:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        if piece:
            await asyncio.to_thread(scratch.write, piece)
        if not message.get("more_body", False):
            return size, True
    return size, False


async def give_object(workspace: Workspace, digest: str, scope: Scope, send: Send) -> None:
    """Send an object's bytes, verified first, as an attachment that no browser runs.

    Raises:
        BadDigest: it is no digest.
        UnknownObject: the store has none with it.
        ObjectDamaged: its bytes are not what they were.
    """
    if not workspace.store.has(Digest(digest)):
        raise UnknownObject(digest)
    await send_object(workspace, Digest(digest), scope, send, disposition=f'attachment; filename="{digest}"')


async def send_object(
    workspace: Workspace,
    digest: Digest,
    scope: Scope,
    send: Send,
    *,
    disposition: str,
    content_type: str = OCTETS,
) -> None:
    """Send the bytes of an object that is there, as `give_object` does.

    Args:
        workspace: where it is.
        digest: which.
        scope: the request.
        send: where to.
        disposition: the header that says under which name it is to be kept.
        content_type: what it is.
    """
    path = await asyncio.to_thread(workspace.store.open_path, digest)
    # Held open: what was verified is what is sent, whatever happens to the name.
    with path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        headers = [
            *SAFETY_HEADERS,
            (b"content-type", content_type.encode()),
            (b"content-length", b"%d" % size),
            (b"content-disposition", disposition.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] != "HEAD":
            while piece := await asyncio.to_thread(source.read, READ_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
