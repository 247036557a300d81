"""Server-sent events, read as they come, in bounded memory (WHATWG HTML, "Server-sent events")."""

from collections.abc import Iterable, Iterator

import msgspec

from ropeway.workspace.errors import ForeignAnswer

LONGEST_EVENT_BYTES = 64 * 2**20


class ServerEvent(msgspec.Struct, frozen=True):
    """One event: its kind ("" for an item), its data, and where to go on after it."""

    kind: str
    data: bytes
    cursor: int | None


def read_events(pieces: Iterable[bytes], origin: str) -> Iterator[ServerEvent]:
    """The events in a stream of bytes, however it is cut; one that is cut off at the end is passed over.

    Raises:
        ForeignAnswer: one is larger than any of ours.
    """
    rest = bytearray()
    for piece in pieces:
        rest += piece
        *whole, rest = rest.split(b"\n\n")
        for block in whole:
            event = _event(bytes(block))
            if event is not None:
                yield event
        if len(rest) > LONGEST_EVENT_BYTES:
            raise ForeignAnswer(origin, "one event is larger than any of ours")


def _event(block: bytes) -> ServerEvent | None:
    """One event; None for a comment that only keeps the connection open."""
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, colon, value = line.partition(b":")
        if name and colon:
            fields[name] = value.removeprefix(b" ")
    if b"data" not in fields:
        return None
    cursor = fields.get(b"id", b"")
    return ServerEvent(
        kind=fields.get(b"event", b"").decode("ascii", "replace"),
        data=fields[b"data"],
        cursor=int(cursor) if cursor.isdigit() and len(cursor) < 19 else None,
    )
