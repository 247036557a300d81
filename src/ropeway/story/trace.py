"""Walking the ledger's edges, back to where things came from and forward to what came of them."""

from sqlalchemy import Connection

from ropeway.story.account import Link
from ropeway.story.happenings import Neighbour, downstream, upstream
from ropeway.story.tell import tell

UNTOLD = frozenset(
    {
        "is-code-of",
        "code-of",
        "source-of",
        "checked",
        "judged",
        "tested-on",
        "parent-of",
        "is-profiled-by",
        # How a rollout ended stands among its own lines: it is told once, by `tried`.
        "promoted",
    }
)

UNTOLD_FORWARD = UNTOLD | {"tried"}
"""A version that a rollout tried had come about before: the rollout did not lead to it."""
"""Relations that are told as lines of a thing (its code, contract and gate), not as things of their own."""

FORWARD_WIDTH = 12
"""How many neighbours of one thing are told on the way forward; the newest are."""

MAX_DEPTH = 24


LATER = frozenset({"tried"})
"""Relations that a thing may gain at any time of its life; what came after its use is no part of that way."""


def back(read: Connection, ref: str) -> list[Link]:
    """Everything that `ref` came from, each thing with its own way told once."""
    return _walk_back(read, ref, {ref}, 0, None)


def _walk_back(read: Connection, ref: str, seen: set[str], depth: int, used_at: int | None) -> list[Link]:
    links: list[Link] = []
    for neighbour in upstream(read, ref):
        if neighbour.relation in UNTOLD or depth >= MAX_DEPTH:
            continue
        if used_at is not None and neighbour.relation in LATER and neighbour.seq > used_at:
            continue
        repeated = neighbour.ref in seen
        seen.add(neighbour.ref)
        links.append(
            Link(
                thing=tell(read, neighbour.ref, used_at=neighbour.seq),
                relation=neighbour.relation,
                links=[] if repeated else _walk_back(read, neighbour.ref, seen, depth + 1, neighbour.seq),
                is_repeated=repeated,
            )
        )
    return links


class Forward:
    """The way forward; counts what it leaves out."""

    def __init__(self, read: Connection) -> None:
        self._read = read
        self._seen: set[str] = set()
        self.left_out = 0

    def walk(self, ref: str, depth: int = 0) -> list[Link]:
        """What came of `ref`, the newest last, at most `FORWARD_WIDTH` of each thing."""
        self._seen.add(ref)
        neighbours = [near for near in downstream(self._read, ref) if near.relation not in UNTOLD_FORWARD]
        fruitful = [near for near in neighbours if downstream(self._read, near.ref)]
        barren = [near for near in neighbours if near not in fruitful]
        kept = (barren + fruitful)[-FORWARD_WIDTH:]
        self.left_out += len(neighbours) - len(kept)
        return [self._link(near, depth) for near in sorted(kept, key=lambda near: near.seq)]

    def _link(self, near: Neighbour, depth: int) -> Link:
        repeated = near.ref in self._seen
        return Link(
            thing=tell(self._read, near.ref),
            relation=near.relation,
            links=[] if repeated or depth >= MAX_DEPTH else self.walk(near.ref, depth + 1),
            is_repeated=repeated,
        )
