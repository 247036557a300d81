"""The Merkle tree of RFC 6962: hashes, roots, and proofs that somebody is in it or that it only grew.

Pure: who keeps the nodes hands in a reader. Nodes are numbered in the order in which they become final (a
leaf, then every subtree that it completes), so that a growing tree only ever appends: a tree of n leaves is
n leaves and at most n - 1 inner nodes, at the places 0, 1, 2, … (the numbering of R. Cox, "Transparent Logs
for Skeptical Clients", 2019). Proofs and their verification are RFC 9162's, 2.1.3 and 2.1.4.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

LEAF, NODE = b"\x00", b"\x01"
EMPTY_ROOT = hashlib.sha256().digest()

NodeReader = Callable[[Sequence[int]], Sequence[bytes]]
"""Gives the nodes at some places, in the order asked."""

Span = tuple[int, int]
"""Leaves from the first number to before the second."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return hashlib.sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(NODE + left + right).digest()


def node_count(size: int) -> int:
    """How many nodes are final in a tree of `size` leaves."""
    return 2 * size - size.bit_count()


def place_of(level: int, index: int) -> int:
    """The place of the perfect subtree over the leaves from `index * 2**level` on.

    Example:
        >>> [place_of(0, 0), place_of(0, 1), place_of(1, 0), place_of(0, 2)]
        [0, 1, 2, 3]
    """
    last = ((index + 1) << level) - 1
    return node_count(last) + level


class Frontier:
    """The right edge of a growing tree: the perfect subtrees that are not yet part of a larger one.

    Args:
        size: how many leaves there are already.
        subtrees: their roots by level, those at least that the growth will complete.
    """

    def __init__(self, size: int = 0, subtrees: Mapping[int, bytes] | None = None) -> None:
        self.size = size
        self._subtrees = dict(subtrees or {})

    def add(self, leaf: bytes) -> Iterator[bytes]:
        """Append a leaf's hash; gives the nodes that become final, from the leaf up."""
        level = 0
        yield leaf
        while self.size >> level & 1:
            leaf = node_hash(self._subtrees.pop(level), leaf)
            level += 1
            yield leaf
        self._subtrees[level] = leaf
        self.size += 1

    def put(self, level: int, node: bytes) -> None:
        """Set the root of one subtree; for who reads nodes rather than makes them."""
        self._subtrees[level] = node

    def take(self, level: int) -> bytes:
        """Take the root of one subtree away."""
        return self._subtrees.pop(level)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return _fold([self._subtrees[level] for level in sorted(self._subtrees, reverse=True)])


def frontier_of(size: int, read: NodeReader) -> Frontier:
    """The right edge of the tree of the first `size` leaves, from at most log2(size) nodes."""
    levels = [level for level in range(size.bit_length()) if size >> level & 1]
    nodes = read([place_of(level, (size >> level) - 1) for level in levels]) if levels else ()
    return Frontier(size, dict(zip(levels, nodes, strict=True)))


def grow(size: int, leaves: Sequence[bytes], read: NodeReader) -> list[tuple[int, bytes]]:
    """The nodes, with their places, that become final when leaves are appended.

    Args:
        size: how many leaves the tree has.
        leaves: the hashes to append.
        read: reads nodes of the tree as it is; asked for those only that are completed, none on even sizes.
    """
    grown = size + len(leaves)
    levels = [
        level
        for level in range(size.bit_length())
        if size >> level & 1 and ((size >> level) + 1) << level <= grown
    ]
    left = read([place_of(level, (size >> level) - 1) for level in levels]) if levels else ()
    frontier = Frontier(size, dict(zip(levels, left, strict=True)))
    nodes = [node for leaf in leaves for node in frontier.add(leaf)]
    return list(enumerate(nodes, start=node_count(size)))


def root_of(size: int, read: NodeReader) -> bytes:
    """The root of the first `size` leaves, from at most log2(size) nodes."""
    return _read_spans([(0, size)], read)[0] if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: NodeReader) -> list[bytes]:
    """The path that leads from leaf `index`, counted from 0, to the root of the first `size` leaves."""
    assert 0 <= index < size, "the leaf must be in the tree"
    return _read_spans(_path(index, 0, size), read)


def prove_consistency(first: int, second: int, read: NodeReader) -> list[bytes]:
    """What shows that the tree of `second` leaves is that of `first` leaves with leaves appended."""
    assert 0 <= first <= second, "a tree only grows"
    return [] if first in (0, second) else _read_spans(_subproof(first, 0, second, is_whole=True), read)


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf's hash stands at `index` in the tree of that size and root."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    for node in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            leaf = node_hash(node, leaf)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            leaf = node_hash(leaf, node)
        place, last = place >> 1, last >> 1
    return last == 0 and leaf == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the second tree is the first with leaves appended."""
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        return not path and first_root == (second_root if first else EMPTY_ROOT)
    # The first tree's own root starts the path where that tree is a perfect one.
    nodes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not nodes:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _path(index: int, low: int, high: int) -> list[Span]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(index, low, middle), (middle, high)]
    return [*_path(index, middle, high), (low, middle)]


def _subproof(first: int, low: int, high: int, *, is_whole: bool) -> list[Span]:
    if first == high:
        return [] if is_whole else [(low, high)]
    middle = low + _split(high - low)
    if first <= middle:
        return [*_subproof(first, low, middle, is_whole=is_whole), (middle, high)]
    return [*_subproof(first, middle, high, is_whole=False), (low, middle)]


def _split(size: int) -> int:
    """The largest power of two under `size`."""
    return 1 << (size - 1).bit_length() - 1


def _read_spans(spans: Sequence[Span], read: NodeReader) -> list[bytes]:
    """The roots over some spans, with one call of the reader."""
    parts = [_perfect(*span) for span in spans]
    nodes = iter(read([place for places in parts for place in places]))
    return [_fold([next(nodes) for _ in places]) for places in parts]


def _perfect(low: int, high: int) -> list[int]:
    """The places of the perfect subtrees that make up a span, from the left."""
    places = []
    while low < high:
        level = (high - low).bit_length() - 1
        places.append(place_of(level, low >> level))
        low += 1 << level
    return places


def _fold(nodes: Sequence[bytes]) -> bytes:
    """One root from those of the subtrees, largest first."""
    if not nodes:
        return EMPTY_ROOT
    *rest, root = nodes
    for node in reversed(rest):
        root = node_hash(node, root)
    return root
