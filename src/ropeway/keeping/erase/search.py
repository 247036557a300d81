"""Where some texts stand: in which objects, answers and files. Looked for byte by byte, in every usual form.

Looked into: text of any kind as it is, as JSON and as CSV; Parquet by its values; ZIP (skops, npz) and gzip
by what they hold. Not found: a text that somebody compressed otherwise, encrypted, cut in two or changed.
"""

import gzip
import io
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.keeping.liveness import Needs
from ropeway.ledger.tables import answered
from ropeway.workspace import Context

SHORTEST = 6
"""Texts of fewer characters stand everywhere by chance, and are not looked for."""
MOST = 10_000
DEEPEST = 4
PARQUET, ZIP, GZIP = b"PAR1", b"PK\x03\x04", b"\x1f\x8b"
ROWS_AT_ONCE = 50_000
LARGEST_MEMBER_BYTES = 1 << 30


class Needles:
    """Texts to look for, in the forms in which files hold them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = frozenset(texts)
        self._forms = sorted({form for text in self.texts for form in _forms(text)})

    def __bool__(self) -> bool:
        return bool(self._forms)

    def are_in(self, data: bytes, depth: int = 0) -> bool:
        """Whether any of them stands there, or in what is packed there."""
        if not self._forms:
            return False
        if any(form in data for form in self._forms):
            return True
        if depth == DEEPEST:
            return False
        if data.startswith(PARQUET):
            return any(self.are_in(part, depth + 1) for part in _of_parquet(data))
        if data.startswith(ZIP):
            return any(self.are_in(part, depth + 1) for part in _of_zip(data))
        if data.startswith(GZIP):
            return any(self.are_in(part, depth + 1) for part in _of_gzip(data))
        return False


def own_words(texts: Iterable[str]) -> list[str]:
    """Those of some texts that are long enough to be told from chance."""
    return sorted({text for text in texts if len(text) >= SHORTEST})[:MOST]


def objects_with(
    context: Context, needles: Needles, *, but: frozenset[Digest] = frozenset()
) -> Iterator[tuple[Digest, list[str]]]:
    """Every object that holds any of some texts, with the events that need it, as `event 3 verb subject`.

    Reads all objects once.
    """
    if not needles:
        return
    needed = needed_by(context)
    for digest in sorted(set(context.store.digests()) - but):
        try:
            if needles.are_in(context.store.read(digest)):
                yield digest, needed.get(digest, [])
        except Damaged:
            continue  # fsck names it; nobody can say what is in it


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


def files_with(folder: Path, needles: Needles, *, but: Iterable[Path]) -> list[Path]:
    """The files below a folder that hold any of some texts; hidden folders of others are passed over."""
    spared = {path.resolve() for path in but}
    found = []
    for path in sorted(folder.rglob("*")):
        is_ours = any(part.resolve() in spared for part in (path, *path.parents))
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if is_ours or is_hidden or path.is_symlink() or not path.is_file():
            continue
        try:
            if path.stat().st_size <= LARGEST_MEMBER_BYTES and needles.are_in(path.read_bytes()):
                found.append(path)
        except OSError:
            continue  # it went, or is not ours to read
    return found


def _members(context: Context, digest: Digest, needs: Needs) -> list[Digest]:
    from ropeway.keeping.errors import CollectionUnsafe
    from ropeway.keeping.liveness import members

    if digest not in needs.trees:
        try:
            needs.trees[digest] = members(context.store, digest)
        except (Damaged, CollectionUnsafe):
            needs.trees[digest] = []
    return needs.trees[digest]


def _forms(text: str) -> Iterator[bytes]:
    """As it stands in plain text, JSON, CSV, and in arrays of fixed width."""
    for written in (text, text.replace('"', '""'), _in_json(text), _in_json(text, ascii_only=True)):
        yield written.encode("utf-8", "surrogatepass")
    for encoding in ("utf-16-le", "utf-32-le"):
        yield text.encode(encoding, "surrogatepass")


def _in_json(text: str, *, ascii_only: bool = False) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _of_parquet(data: bytes) -> Iterator[bytes]:
    """Its rows as JSON lines, and its columns of bytes as they are."""
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError):
        return
    binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    for name in binary:
        yield b"\n".join(each for each in frame[name] if each is not None)
    plain = frame.drop(binary)
    for start in range(0, plain.height if plain.width else 0, ROWS_AT_ONCE):
        yield plain.slice(start, ROWS_AT_ONCE).write_ndjson().encode()


def _of_zip(data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for info in packed.infolist():
                if info.file_size <= LARGEST_MEMBER_BYTES:
                    yield info.filename.encode()
                    yield packed.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, OSError):
        return


def _of_gzip(data: bytes) -> Iterator[bytes]:
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            yield packed.read(LARGEST_MEMBER_BYTES)
    except (OSError, EOFError, zlib.error):
        return
