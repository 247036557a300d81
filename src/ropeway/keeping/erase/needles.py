"""Texts to look for in bytes, in every usual form; and what of some bytes could not be looked into.

Looked into: text of any kind as it is, as JSON and as CSV; Parquet by its values; ZIP (skops, npz) and gzip
by what they hold. What is damaged, encrypted, packed otherwise or too large is told, never passed over in
silence. Not found: a text that is cut in two or changed, and what a ZIP holds without naming it.
"""

import gzip
import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from ropeway.data.apart import PIECE_BYTES as PARQUET_BYTES
from ropeway.data.apart import Apart
from ropeway.data.file_errors import FileUnreadable, UnpacksTooFar

if TYPE_CHECKING:
    import polars as pl

DEEPEST = 4
PARQUET, ZIP, GZIP = b"PAR1", b"PK\x03\x04", b"\x1f\x8b"
PACKED = (PARQUET, ZIP, GZIP)
OTHERWISE = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"PARE": "encrypted Parquet",
    **{b"BZh%d1AY&SY" % size: "bzip2" for size in range(1, 10)},
}
"""How bytes begin that are packed in a way that is not looked into here."""
PIECE_BYTES = 1 << 20
LARGEST_WITHIN_BYTES = 512 << 20
"""What is packed within what is packed is held in memory to be looked into: so much of it at most."""
MOST_UNPACKED_BYTES = 8 << 30
"""So much is unpacked of one object, in all: a bomb ends here."""
MOST_SAID = 5
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    OSError, EOFError, ValueError, OverflowError,
)  # fmt: skip


class Looked(NamedTuple):
    """Whether a text stands there; and what could not be looked into, in words that tell nothing of it."""

    found: bool
    unsearched: list[str]


class Needles:
    """Texts to look for, in the forms in which files hold them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = frozenset(texts)
        self.forms = sorted({form for text in self.texts for form in _forms(text)})

    def __bool__(self) -> bool:
        return bool(self.forms)

    def are_in(self, data: bytes) -> bool:
        """Whether any of them stands there, or in what is packed there."""
        return self.look(data).found

    def look(self, data: bytes, apart: Apart | None = None) -> Looked:
        """Whether any of them stands there, or in what is packed there; and what nobody could look into.

        Args:
            data: of an object, or of a file.
            apart: where Parquet is read; a process for this look alone when absent.
        """
        if not self.forms:
            return Looked(found=False, unsearched=[])
        with nullcontext(apart) if apart is not None else Apart() as reader:
            look = _Look(self.forms, reader)
            return Looked(look.into(data, "", 0), look.told())


class _Look:
    """A look into one object, by the members of what is packed there, within what may be unpacked of it."""

    def __init__(self, forms: list[bytes], apart: Apart) -> None:
        self._forms = forms
        self._apart = apart
        self._overlap = max(map(len, forms)) - 1
        self._left = MOST_UNPACKED_BYTES
        self._unsearched: list[str] = []

    def told(self) -> list[str]:
        """What could not be looked into; a few of many."""
        more = len(self._unsearched) - MOST_SAID
        return [*self._unsearched[:MOST_SAID], *([f"and {more:,} more such parts"] if more > 0 else ())]

    def into(self, data: bytes, where: str, depth: int) -> bool:
        if any(form in data for form in self._forms):
            return True
        if data.startswith(PACKED) and depth == DEEPEST:
            return self._cannot(where, f"it is packed more than {DEEPEST} times over")
        if data.startswith(PARQUET):
            return self._into_parquet(data, where, depth)
        if data.startswith(ZIP):
            return self._into_zip(data, where, depth)
        if data.startswith(GZIP):
            return self._into_gzip(data, where, depth)
        return any(self._cannot(where, f"it is {name}, which is not unpacked here")
                   for magic, name in OTHERWISE.items() if data.startswith(magic))  # fmt: skip

    def _cannot(self, where: str, why: str) -> bool:
        """Remember what could not be looked into; nothing was found there."""
        self._unsearched.append(f"{where}{why}")
        return False

    def _into_zip(self, data: bytes, where: str, depth: int) -> bool:
        try:
            packed = zipfile.ZipFile(io.BytesIO(data))
        except (*_UNREADABLE, RuntimeError):
            return self._cannot(where, "its ZIP directory cannot be read")
        members = packed.infolist()
        for number, info in enumerate(members, 1):
            # By its number: a name may be what is to be erased.
            here = f"{where}member {number:,} of {len(members):,}: "
            if any(form in info.filename.encode("utf-8", "surrogatepass") for form in self._forms):
                return True
            if info.flag_bits & 1:
                self._cannot(here, "it is encrypted")
            elif self._left <= 0:
                return self._cannot(here, f"with it more than {_shown(MOST_UNPACKED_BYTES)} were unpacked")
            elif self._into_stream(partial(packed.open, info), here, depth):
                return True
        return False

    def _into_gzip(self, data: bytes, where: str, depth: int) -> bool:
        return self._into_stream(
            lambda: cast("IO[bytes]", gzip.GzipFile(fileobj=io.BytesIO(data))), where, depth
        )

    def _into_stream(self, start: Callable[[], IO[bytes]], where: str, depth: int) -> bool:
        """What unpacks there, as far as it does: piece by piece; what is packed again, as a whole."""
        whole, tail, why = bytearray(), b"", ""
        try:
            with start() as stream:
                while piece := stream.read(PIECE_BYTES):
                    self._left -= len(piece)
                    is_packed = bool(whole) or (not tail and piece.startswith((*PACKED, *OTHERWISE)))
                    tail += piece
                    if any(form in tail for form in self._forms):
                        return True
                    tail = tail[-self._overlap :]
                    if is_packed:
                        whole += piece
                    if self._left <= 0 or len(whole) > LARGEST_WITHIN_BYTES:
                        why = "it unpacks to more than is unpacked here"
                        break
        except NotImplementedError:
            why = "it is packed in a way that is not unpacked here"
        except (*_UNREADABLE, RuntimeError):
            why = "it is damaged"
        if why:
            self._cannot(where, why)
        # Of what is cut off a ZIP may still be read in part, if its directory came along.
        return (
            bool(whole) and len(whole) <= LARGEST_WITHIN_BYTES and self.into(bytes(whole), where, depth + 1)
        )

    def _into_parquet(self, data: bytes, where: str, depth: int) -> bool:
        import polars as pl

        with NamedTemporaryFile(suffix=".parquet") as file:
            file.write(data)
            file.flush()
            try:
                for frame in self._apart.pieces(Path(file.name), piece_bytes=PARQUET_BYTES):
                    for part in _texts_of(frame):
                        self._left -= len(part)
                        if self.into(part, where, depth + 1):
                            return True
                    if self._left <= 0:
                        return self._cannot(where, "its rows are more than are unpacked here")
            except UnpacksTooFar:
                return self._cannot(where, "its rows are more than a file of its size may hold")
            except (FileUnreadable, pl.exceptions.PolarsError, pl.exceptions.PanicException):
                return self._cannot(where, "its Parquet cannot be read")
        return False


def _texts_of(frame: "pl.DataFrame") -> Iterator[bytes]:
    """Rows as JSON lines, and columns of bytes as they are."""
    import polars as pl

    binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    for name in binary:
        yield b"\n".join(each for each in frame[name] if each is not None)
    if len(binary) < frame.width:
        yield frame.drop(binary).write_ndjson().encode()


def _forms(text: str) -> Iterator[bytes]:
    """As it stands in plain text, JSON, CSV, and in arrays of fixed width."""
    for written in (text, text.replace('"', '""'), _in_json(text), _in_json(text, ascii_only=True)):
        yield written.encode("utf-8", "surrogatepass")
    for encoding in ("utf-16-le", "utf-32-le"):
        yield text.encode(encoding, "surrogatepass")


def _in_json(text: str, *, ascii_only: bool = False) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _shown(size: int) -> str:
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size:,} bytes"
