"""Where some texts stand: in which objects, answers and files; and which of these could not be searched."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.data.apart import Apart
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.records import UnsearchedObject
from ropeway.keeping.liveness import Needs
from ropeway.ledger.tables import answered
from ropeway.workspace import Context

SHORTEST = 6
"""Texts of fewer characters stand everywhere by chance, and are not looked for."""
MOST = 10_000
LARGEST_FILE_BYTES = 1 << 30


class Searched(NamedTuple):
    """The objects that hold a text, with the events that need each; and those not searched."""

    holding: dict[Digest, list[str]]
    unsearched: list[UnsearchedObject]


class SearchedFiles(NamedTuple):
    """The files that hold a text; and those that could not be searched, with the reason."""

    holding: list[Path]
    unsearched: list[tuple[Path, str]]


def own_words(texts: Iterable[str]) -> list[str]:
    """Those of some texts that are long enough to be told from chance."""
    return sorted({text for text in texts if len(text) >= SHORTEST})[:MOST]


def objects_with(context: Context, needles: Needles, *, but: frozenset[Digest] = frozenset()) -> Searched:
    """Every object that holds any of some texts, and every one of which nobody can say whether it does.

    Reads all objects once.
    """
    searched = Searched({}, [])
    if not needles:
        return searched
    needed = needed_by(context)
    with Apart() as apart:
        for digest in sorted(set(context.store.digests()) - but):
            try:
                found, unsearched = needles.look(context.store.read(digest), apart)
            except Damaged:
                found, unsearched = False, ["it is damaged: ropeway fsck"]
            if found:
                searched.holding[digest] = needed.get(digest, [])
            elif unsearched:
                searched.unsearched.append(_unsearched(context, digest, unsearched, needed.get(digest, [])))
    return searched


def _unsearched(context: Context, digest: Digest, why: list[str], needed: list[str]) -> UnsearchedObject:
    try:
        size = context.store.size(digest)
    except Damaged:
        size = 0
    return UnsearchedObject(digest=digest, size_bytes=size, why="; ".join(why), needed_by=needed)


def needed_by(context: Context) -> dict[Digest, list[str]]:
    """Which events need each object, also by way of trees: as `event 3 verb subject`."""
    needs = Needs()
    needs.read(context.ledger, context.read)
    found: dict[Digest, list[str]] = defaultdict(list)
    for root, wanted in needs.by_object.items():
        said = [f"event {need.seq} {need.verb} {need.subject}" for need in wanted]
        todo, seen = [root], {root}
        while todo:
            digest = todo.pop()
            found[digest] += said
            for member in _members(context, digest, needs):
                if member not in seen:
                    seen.add(member)
                    todo.append(member)
    return found


def answers_with(read: Connection, needles: Needles) -> list[str]:
    """The keys of the remembered answers that hold any of some texts."""
    rows = read.execute(select(answered.c.key, answered.c.result))
    return sorted(row.key for row in rows if needles.are_in(bytes(row.result)))


def files_with(folder: Path, needles: Needles, *, but: Iterable[Path]) -> SearchedFiles:
    """The files below a folder that hold any of some texts; hidden folders of others are passed over."""
    spared = {path.resolve() for path in but}
    searched = SearchedFiles([], [])
    for path in sorted(folder.rglob("*")):
        is_ours = any(part.resolve() in spared for part in (path, *path.parents))
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if is_ours or is_hidden or path.is_symlink() or not path.is_file():
            continue
        try:
            is_large = path.stat().st_size > LARGEST_FILE_BYTES
            found, unsearched = (False, ["it is very large"]) if is_large else needles.look(path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            found, unsearched = False, [error.strerror or "it cannot be read"]
        if found:
            searched.holding.append(path)
        elif unsearched:
            searched.unsearched.append((path, "; ".join(unsearched)))
    return searched


def _members(context: Context, digest: Digest, needs: Needs) -> list[Digest]:
    from ropeway.keeping.errors import CollectionUnsafe
    from ropeway.keeping.liveness import members

    if digest not in needs.trees:
        try:
            needs.trees[digest] = members(context.store, digest)
        except (Damaged, CollectionUnsafe):
            needs.trees[digest] = []
    return needs.trees[digest]
