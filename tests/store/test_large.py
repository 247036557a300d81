"""Large objects: kept in chunks, read back verified, grown by what is new in them."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from ropeway.core.hashing import digest_bytes
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged
from ropeway.store.intake import LARGE_BYTES

LENGTH = 12_000_001


def random_file(path: Path, length: int = LENGTH, seed: int = 1) -> Path:
    path.write_bytes(random.Random(seed).randbytes(length))
    return path


def stored_bytes(store: Store) -> int:
    return sum(path.stat().st_size for path in store.packed.packs.folder.glob("*.pack"))


def test_a_large_file_is_read_back_by_the_digest_of_its_bytes(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    digest = store.put_file(path)
    assert digest == digest_bytes(path.read_bytes())
    assert store.read(digest) == path.read_bytes() == store.open_path(digest).read_bytes()
    assert (store.has(digest), store.size(digest), list(store.digests())) == (True, LENGTH, [digest])


@pytest.mark.parametrize("length", [LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 20 << 20, 20_971_521])
def test_any_length_around_the_limits_comes_back_whole(store: Store, tmp_path: Path, length: int) -> None:
    path = random_file(tmp_path / "big", length)
    assert store.read(store.put_file(path)) == path.read_bytes()


def test_bytes_and_file_are_one_object_however_large(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    assert store.put_file(path) == store.put(path.read_bytes()) == store.put(memoryview(path.read_bytes()))
    assert len(list(store.digests())) == 1
    assert stored_bytes(store) < LENGTH * 1.01


AT_EXIT = """
import atexit, sys
from pathlib import Path
from ropeway.store import Store

# Threads are asked for before, as by whatever else a script does.
store = Store(Path(sys.argv[1]))
atexit.register(lambda: print(store.put_file(Path(sys.argv[2]))))
"""


def test_a_large_file_is_kept_while_the_interpreter_ends(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    words = [sys.executable, "-c", AT_EXIT, str(tmp_path / "other"), str(path)]
    ended = subprocess.run(words, check=True, capture_output=True, text=True)
    assert (ended.stderr, ended.stdout.strip()) == ("", store.put_file(path))
    assert Store(tmp_path / "other").read(store.put_file(path)) == path.read_bytes()


def test_what_is_appended_or_inserted_is_all_that_is_stored_anew(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    first, before = store.put_file(path), stored_bytes(store)
    data = path.read_bytes()
    path.write_bytes(data[: LENGTH // 2] + b"one more line\n" + data[LENGTH // 2 :] + b"tail" * 1000)
    second = store.put_file(path)
    assert stored_bytes(store) - before < LENGTH * 0.7
    assert store.read(first) == data
    assert store.read(second) == path.read_bytes()


def test_what_compresses_is_compressed_and_still_named_by_its_raw_bytes(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"".join(f"{n},{n * 7 % 1000},word\n".encode() for n in range(900_000)))
    digest = store.put_file(path)
    assert digest == digest_bytes(path.read_bytes())
    assert stored_bytes(store) < path.stat().st_size / 2
    assert store.read(digest) == path.read_bytes()


def test_the_whole_file_of_a_large_object_is_only_a_cache(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    digest = store.put_file(path)
    whole = store.open_path(digest)
    assert whole.stat().st_mode & 0o777 == 0o400
    whole.chmod(0o600)
    with whole.open("r+b") as file:
        file.write(b"not what it was")
    assert store.open_path(digest).read_bytes() == path.read_bytes()
    whole.unlink()
    assert store.open_path(digest).read_bytes() == path.read_bytes()


def test_whole_files_that_nobody_asked_for_lately_make_room(store: Store, tmp_path: Path) -> None:
    import os

    first, second = (store.put_file(random_file(tmp_path / f"{seed}", seed=seed)) for seed in (1, 2))
    store.whole._limit_bytes = LENGTH + 1
    old = store.open_path(first)
    os.utime(old, (0, old.stat().st_mtime))
    assert store.open_path(second).exists()
    assert not old.exists()
    assert store.open_path(first).exists()
    assert store.open_path(second).exists()  # asked for within the hour: both stay, over the limit


def test_damage_in_a_chunk_is_never_handed_out_and_mended_by_bringing_the_file_again(
    store: Store, tmp_path: Path
) -> None:
    path = random_file(tmp_path / "big")
    digest = store.put_file(path)
    (pack,) = store.packed.packs.folder.glob("*.pack")
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(LENGTH // 2)
        file.write(b"not what it was")
    for read in (store.read, store.open_path, lambda each: store.restore_file(each, tmp_path / "out")):
        with pytest.raises(ObjectDamaged, match="is damaged"):
            read(digest)
    assert not (tmp_path / "out").exists()
    assert store.put_file(path) == digest
    assert store.read(digest) == path.read_bytes()
    assert store.scrub().is_sound


def test_an_unchanged_large_file_is_believed_only_when_asked_to(store: Store, tmp_path: Path) -> None:
    import time

    path = random_file(tmp_path / "big")
    time.sleep(0.15)
    digest = store.put_file(path, trust_stat=True)
    (pack,) = store.packed.packs.folder.glob("*.pack")
    pack.unlink()
    assert store.put_file(path, trust_stat=True) == digest
    assert not store.has(digest)
    assert store.put_file(path) == digest
    assert store.has(digest)


def test_an_old_large_object_of_one_file_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    digest = digest_bytes(path.read_bytes())
    old = store.loose.path(digest)
    old.write_bytes(path.read_bytes())
    assert store.read(digest) == path.read_bytes()
    assert store.put_file(path) == digest
    assert store.open_path(digest) == old
    assert stored_bytes(store) == 0


def test_a_recipe_names_the_chunks_of_an_object(store: Store, tmp_path: Path) -> None:
    path = random_file(tmp_path / "big")
    recipe = store.recipe(store.put_file(path))
    assert recipe is not None
    assert b"".join(store.packed.read_chunk(part.digest) or b"" for part in recipe.parts) == path.read_bytes()
    assert store.recipe(store.put(b"small")) is None
