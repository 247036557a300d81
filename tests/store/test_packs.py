"""Packs as files: layout, damage, rebuilding, bombs."""

import time
from pathlib import Path

import blake3
import pytest
from backports import zstd

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.store import Store, coding
from ropeway.store.errors import CodingUnavailable, ObjectDamaged, OutOfSpace
from ropeway.store.pack_format import END_MAGIC, MAGIC, OBJECT, Entry
from ropeway.store.pack_writer import PackWriter
from ropeway.store.packs import Pack
from ropeway.store.recipes import Part, Recipe, recipe_of
from ropeway.store.stat_index import is_at_rest
from ropeway.store.trees import Tree, tree_bytes

# A pack of "hello" and a recipe as the first release wrote them: the layout is for ever.
GOLDEN_RECIPE = (
    "52575243010100000500000000000000010000000000000001010101010101010101010101010101010101010101010101010101"
    "0101010105000000"
)


def the_pack(store: Store) -> Path:
    (path,) = store.packed.packs.folder.glob("*.pack")
    return path


def hurt(path: Path, at: int, value: bytes | None = None) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[at : at + len(value or b"x")] = value or bytes([data[at] ^ 1])
    path.write_bytes(data)


def test_the_layout_of_a_pack_is_the_one_that_was_released(store: Store) -> None:
    writer = PackWriter(store.packed.packs.folder, store.scratch)
    writer.add(OBJECT, blake3.blake3(b"hello").digest(), b"hello")
    writer.publish()
    data = the_pack(store).read_bytes()
    assert (data[:8], data[-8:], len(data)) == (MAGIC, END_MAGIC, 8 + 60 + 5 + 64 + 56)
    assert blake3.blake3(data).hexdigest()[:16] == "9cee13d8a9b579ee"


def test_the_layout_of_a_recipe_is_the_one_that_was_released() -> None:
    recipe = Recipe(5, (Part(b"\1" * 32, 5),))
    assert recipe.to_bytes()[:-32].hex() == GOLDEN_RECIPE
    assert recipe_of(recipe.to_bytes()) == recipe


@pytest.mark.parametrize("part", ["magic", "index", "count", "end"])
def test_a_pack_without_a_sound_index_is_read_by_its_headers(store: Store, folder: Path, part: str) -> None:
    tree = store.put_folder(folder)
    length = the_pack(store).stat().st_size
    hurt(the_pack(store), {"magic": 0, "index": length - 200, "count": length - 56, "end": length - 1}[part])
    again = Store(store.scratch.parent)
    assert {name: again.read(digest) for name, digest in again.read_tree(tree).items()} == {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert again.scrub().containers == [the_pack(store).name]
    assert again.scrub().damaged == {}


def test_an_object_whose_header_is_damaged_is_not_handed_out(store: Store, folder: Path) -> None:
    store.put_folder(folder)
    entry = Pack(the_pack(store)).entries[3]
    hurt(the_pack(store), entry.offset + 20)
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.read(Digest(entry.digest.hex()))


def bomb(store: Store, announced: int, content_size: bool) -> Digest:
    """An entry of few stored bytes that would decode to 512 MiB."""
    told = {zstd.CompressionParameter.content_size_flag: int(content_size)}
    made = zstd.compress(bytes(512 << 20), options=told)
    digest = blake3.blake3(b"whatever").digest()
    writer = PackWriter(store.packed.packs.folder, store.scratch)
    writer.add_coded(
        Entry(digest, 0, len(made), announced, coding.check(coding.ZSTD, made), OBJECT, coding.ZSTD), made
    )
    writer.publish()
    return Digest(digest.hex())


@pytest.mark.parametrize("announced", [1000, 512 << 20])
@pytest.mark.parametrize("content_size", [True, False])
def test_a_bomb_does_not_go_off(store: Store, announced: int, content_size: bool) -> None:
    import tracemalloc

    digest = bomb(store, announced, content_size)
    tracemalloc.start()
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.read(digest)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_compressed_bytes_without_the_library_are_said_to_need_it(
    store: Store, folder: Path, monkeypatch
) -> None:
    digest = store.put_folder(folder)
    assert any(entry.coding == coding.ZSTD for entry in Pack(the_pack(store)).entries)
    monkeypatch.setitem(__import__("sys").modules, "backports.zstd", None)
    with pytest.raises(CodingUnavailable, match=r"backports\.zstd is not installed"):
        store.read(digest)


def test_a_full_disk_leaves_no_pack_and_no_draft(store: Store, folder: Path, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ropeway.store.pack_writer.write_all", full)
    with pytest.raises(OutOfSpace, match="No space is left"):
        store.put_folder(folder)
    assert list(store.packed.packs.folder.glob("*.pack")) == []
    assert list(store.scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "a b/c.txt", "é", 'q"', "\x7f", "😀", "tab\t", "~", "zz/é"])
def test_a_tree_is_canonical_whatever_the_names(name: str) -> None:
    entries = {name: digest_bytes(b"x"), "Z": digest_bytes(b"y"), "a.b": digest_bytes(b"z")}
    assert tree_bytes(entries) == canonical(Tree(entries))


def test_a_file_must_have_been_at_rest_to_be_believed() -> None:
    now = time.time_ns()
    assert not is_at_rest((1, now, now, 1), now)
    assert is_at_rest((1, now - 200_000_001, now - 200_000_001, 1), now)
    second = now // 10**9 * 10**9
    assert not is_at_rest((1, second - 10**9, second - 10**9, 1), second)
    assert is_at_rest((1, second - 3 * 10**9, second - 3 * 10**9, 1), second)
