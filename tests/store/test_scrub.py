"""Every flipped bit is found, wherever it lies, and no bad byte is handed out."""

import random
from pathlib import Path

import pytest

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.store.pack_format import CHUNK

FLIPS = 150


@pytest.fixture
def contents(store: Store, folder: Path) -> dict[Digest, bytes]:
    """Loose, packed, compressed, chunked objects, with one that was removed from a pack that stays."""
    big = folder.parent / "big"
    big.write_bytes(random.Random(1).randbytes(9_000_000) + b"words of a table\n" * 100_000)
    known = {store.put_file(big): big.read_bytes(), store.put(b"loose"): b"loose"}
    (folder / "noise").write_bytes(random.Random(2).randbytes(6_000_000))
    tree = store.put_folder(folder)
    store.remove([store.read_tree(tree)["a/7.txt"]])
    for digest in store.digests():
        known[digest] = store.read(digest)
    return known


def files_of(store: Store) -> list[Path]:
    return [
        path
        for folder in (store._objects, store.packed.packs.folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("door", "hall", "recent", "generation")
    ]


def test_every_flipped_bit_is_found_and_no_bad_byte_is_handed_out(
    store: Store, contents: dict[Digest, bytes]
) -> None:
    assert store.scrub().is_sound
    chance, found = random.Random(2026), 0
    for number in range(FLIPS):
        path = files_of(store)[number % len(files_of(store))]
        # Half of them near an end, where headers, index and footer are.
        size = path.stat().st_size
        at = chance.randrange(size) if number % 2 else size - 1 - chance.randrange(min(size, 2_000))
        bit = 1 << chance.randrange(8)
        flip(path, at, bit)
        again = Store(store.scratch.parent)
        found += not again.scrub().is_sound
        for digest in chance.sample(sorted(contents), 3):
            assert read_or_none(again, digest) in (contents[digest], None)
        flip(path, at, bit)
    assert found == FLIPS


def flip(path: Path, at: int, mask: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def read_or_none(store: Store, digest: Digest) -> bytes | None:
    try:
        return store.read(digest)
    except Damaged:
        return None


def test_the_objects_that_a_bad_chunk_concerns_are_named(store: Store, contents: dict[Digest, bytes]) -> None:
    large = max(contents, key=lambda digest: len(contents[digest]))
    for pack in store.packed.packs.now():
        for entry in pack.entries:
            if entry.kind == CHUNK:
                flip(pack.path, entry.payload_at + 5, 1)
                break
    assert list(store.scrub().damaged) == [large]


def test_a_lost_pack_is_found_by_the_recipe_that_needs_it(store: Store, folder: Path) -> None:
    big = folder.parent / "big"
    data = random.Random(1).randbytes(9_000_000)
    big.write_bytes(data)
    store.put_file(big)
    (first,) = store.packed.packs.folder.glob("*.pack")
    big.write_bytes(data + b"more")
    second = store.put_file(big)
    first.unlink()
    damaged = store.scrub().damaged
    assert list(damaged) == [second]
    assert "is missing" in damaged[second]


def test_a_part_can_be_looked_at(store: Store, contents: dict[Digest, bytes]) -> None:
    assert store.scrub(sample=0.0).objects == 0
    assert 0 < store.scrub(sample=0.5).read_bytes < store.scrub().read_bytes
