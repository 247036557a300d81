"""A folder as an object: names to digests."""

from collections.abc import Mapping

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.store.errors import NotATree


class Tree(msgspec.Struct, frozen=True, tag="tree"):
    """A folder as an object: names with `/` to digests, sorted."""

    entries: dict[str, Digest]


def tree_bytes(entries: Mapping[str, Digest]) -> bytes:
    """The bytes of a tree: canonical JSON."""
    assert all(map(is_inside, entries)), "a tree's names are relative and lead nowhere else"
    ordered = dict(sorted(entries.items()))
    if all(map(_is_plain, ordered)):
        # The same bytes as `canonical` gives, many times faster: plain names sort alike and need no escapes.
        return b'{"entries":' + msgspec.json.encode(ordered) + b',"type":"tree"}'
    return canonical(Tree(ordered))


def entries_of(digest: Digest, data: bytes) -> dict[str, Digest]:
    """The names and digests of a tree. No name leads out of the folder that it is written to.

    Raises:
        NotATree: the bytes are something else, or a name leads elsewhere.
    """
    try:
        entries = msgspec.json.decode(data, type=Tree).entries
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotATree(digest, "it is something else") from error
    for name in entries:
        if not is_inside(name):
            raise NotATree(digest, f"the name {name[:80]!r} leads out of its folder")
    return entries


def is_inside(name: str) -> bool:
    """Whether a tree's name stays below the folder that it is written to."""
    parts = name.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name or ":" in parts[0])


def _is_plain(name: str) -> bool:
    return name.isascii() and name.isprintable() and '"' not in name and "\\" not in name
