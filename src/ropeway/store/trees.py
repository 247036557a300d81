"""A folder as an object: names to digests."""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.store.errors import NotATree


class Tree(msgspec.Struct, frozen=True, tag="tree"):
    """A folder as an object: names with `/` to digests, sorted."""

    # Looked at while it is read: a listing of millions of nothings ends at the first.
    entries: dict[str, Annotated[Digest, msgspec.Meta(min_length=64, max_length=64)]]


def tree_bytes(entries: Mapping[str, Digest]) -> bytes:
    """The bytes of a tree: canonical JSON."""
    assert are_inside(entries), "a tree's names are relative and lead nowhere else"
    ordered = dict(sorted(entries.items()))
    if _are_plain(ordered):
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


def are_inside(names: Collection[str]) -> bool:
    """`is_inside` for all of them; names without any rare character are looked at as one."""
    text = "/" + "/\n/".join(names) + "/"
    is_sure = not any(rare in text for rare in ("//", "/./", "/../", "\\", "\0", ":"))
    return is_sure or all(map(is_inside, names))


def _are_plain(names: Iterable[str]) -> bool:
    text = "".join(names)
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
