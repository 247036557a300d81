"""Removing: what goes, what stays, who waits, and what a kill leaves."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.store.errors import BadDigest, ObjectMissing

LENGTH = 12_000_000


def random_file(path: Path, seed: int) -> Path:
    path.write_bytes(random.Random(seed).randbytes(LENGTH))
    return path


def disk_bytes(store: Store) -> int:
    home = store.scratch.parent
    return sum(
        path.stat().st_size
        for name in ("objects", "packs")
        for path in (home / name).rglob("*")
        if path.is_file() and path.name not in ("recent", "generation")
    )


def test_what_is_removed_is_gone_and_its_bytes_are_free(store: Store, tmp_path: Path) -> None:
    loose, large = store.put(b"loose"), store.put_file(random_file(tmp_path / "big", 1))
    kept = store.put(b"kept")
    store.open_path(large)
    before = disk_bytes(store)
    assert store.remove([loose, large]) == before - disk_bytes(store) > LENGTH
    assert list(store.digests()) == [kept]
    assert not store.whole.path(large).exists()
    for gone in (loose, large):
        with pytest.raises(ObjectMissing, match="is not in the store"):
            store.open_path(gone)


def test_chunks_stay_while_anything_needs_them(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big", 1)
    first, data = store.put_file(path), path.read_bytes()
    with path.open("ab") as file:
        file.write(b"more")
    second = store.put_file(path)
    store.remove([first])
    assert store.read(second) == data + b"more"
    assert store.remove([second]) > LENGTH
    assert list(store.packed.packs.folder.glob("*.pack")) == []


def test_a_few_dead_in_a_large_pack_are_only_marked_and_more_rewrite_it(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}").write_bytes(random.Random(number).randbytes(200_000))
    tree = store.read_tree(store.put_folder(folder))
    (pack,) = store.packed.packs.folder.glob("*.pack")
    assert store.remove([tree["00"]]) == 0
    assert pack.exists()
    for reader in (store, Store(store.scratch.parent)):
        assert not reader.has(tree["00"])
    assert store.remove([tree[f"{number:02}"] for number in range(1, 20)]) > 3_000_000
    assert not pack.exists()
    assert store.read(tree["39"]) == (folder / "39").read_bytes()
    assert store.scrub().is_sound


def test_what_was_removed_and_is_put_again_is_there(store: Store, folder: Path) -> None:
    tree = store.put_folder(folder)
    everything = list(store.digests())
    store.remove(everything)
    assert list(store.digests()) == []
    assert store.put_folder(folder) == tree
    assert sorted(store.digests()) == sorted(everything)


@pytest.mark.parametrize("how", ["loose", "packed", "chunked", "named by a tree"])
def test_what_was_put_again_since_somebody_looked_is_spared(
    store: Store, folder: Path, tmp_path: Path, how: str
) -> None:
    path = random_file(tmp_path / "big", 1)
    tree, loose, large = store.put_folder(folder), store.put(b"loose"), store.put_file(path)
    packed = store.read_tree(tree)["a/3.txt"]
    age(store)
    looked = time.time() - 0.01
    {
        "loose": lambda: store.put(b"loose"),
        "packed": lambda: store.put((folder / "a" / "3.txt").read_bytes()),
        "chunked": lambda: store.put_file(path),
        "named by a tree": lambda: store.put_folder(folder),
    }[how]()
    store.remove([loose, packed, large], put_before=looked)
    spared = {"loose": loose, "chunked": large}.get(how, packed)
    assert {digest for digest in (loose, packed, large) if store.has(digest)} == {spared}


def age(store: Store) -> None:
    """As if all that is there had been put an hour ago."""
    (store.packed.packs.folder / "recent").unlink(missing_ok=True)
    for path in (*store._objects.rglob("*"), *store.packed.packs.folder.glob("*.pack")):
        if path.is_file():
            os.utime(path, (time.time() - 3600,) * 2)


def test_a_put_waits_for_a_removal_and_is_not_lost(store: Store) -> None:
    digest = store.put(b"precious")
    other = Store(store.scratch.parent)
    with store.gate.removing():
        putting = threading.Thread(target=other.put, args=(b"precious",))
        putting.start()
        store.loose.remove(digest)
        putting.join(0.05)
        assert putting.is_alive()
    putting.join()
    assert store.read(digest) == b"precious"


def test_a_reader_goes_on_while_packs_are_rewritten_under_it(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}").write_bytes(random.Random(number).randbytes(100_000))
    tree, reader = store.read_tree(store.put_folder(folder)), Store(store.scratch.parent)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(3):
                for number in range(50, 60):
                    reader.read(tree[f"{number:02}"])
        except Exception as error:  # noqa: BLE001  told by the thread that waits
            failures.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    for number in range(0, 50, 10):
        store.remove([tree[f"{each:02}"] for each in range(number, number + 10)])
    reading.join()
    assert failures == []


@pytest.mark.parametrize("index", ["damaged", "damaged with a header"])
def test_a_pack_that_cannot_be_read_whole_is_never_thrown_away(
    store: Store, folder: Path, index: str
) -> None:
    tree = store.read_tree(store.put_folder(folder))
    (pack,) = store.packed.packs.folder.glob("*.pack")
    entries = store.packed.packs.now()[0].entries
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    if index == "damaged with a header":
        data[entries[len(entries) // 2].offset] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    again = Store(store.scratch.parent)
    again.remove([Digest(entries[0].digest.hex())])
    assert not again.has(Digest(entries[0].digest.hex()))
    assert pack.exists() == (index == "damaged with a header")
    assert again.read(tree[next(n for n, d in tree.items() if d == entries[1].digest.hex())])


def test_only_digests_can_be_removed(store: Store) -> None:
    with pytest.raises(BadDigest, match="is not a digest"):
        store.remove([Digest("../../etc/passwd")])


def test_eight_processes_put_the_same_and_others_while_one_removes(tmp_path: Path) -> None:
    words = [sys.executable, "-c", AT_ONCE, str(tmp_path)]
    children = [
        subprocess.Popen([*words, str(number)], stderr=subprocess.PIPE, text=True) for number in range(8)
    ]
    errors = [child.communicate(timeout=120)[1] for child in children]
    assert [(child.returncode, error) for child, error in zip(children, errors, strict=True)] == [(0, "")] * 8
    assert Store(tmp_path).scrub().is_sound


AT_ONCE = """
import random, sys
from pathlib import Path
from ropeway.store import Store

home, number = Path(sys.argv[1]), int(sys.argv[2])
store = Store(home)
own = home / f"data-{number}"
own.mkdir()
for turn in range(4):
    for each in range(6):
        (own / f"same-{each}").write_bytes(random.Random(each).randbytes(9_000))
        (own / f"own-{each}").write_bytes(f"{number} {turn} {each}".encode())
    tree = store.put_folder(own)
    assert len(store.read_tree(tree)) == 12
    for name, digest in store.read_tree(tree).items():
        if name.startswith("own"):
            assert store.read(digest) == (own / name).read_bytes()
    shared = store.put(b"shared" * 100)
    store.put(f"{number} {turn}".encode())
    store.remove([store.put(f"passing {number}".encode()), *(
        digest for name, digest in store.read_tree(tree).items() if name.startswith("own")
    )])
"""
