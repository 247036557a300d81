import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.store import Store
from ropeway.store.errors import BadDigest, NotATree, ObjectDamaged, ObjectMissing


def file_of(store: Store, digest: str) -> Path:
    return store._objects / digest[:2] / digest[2:]


def test_what_was_put_is_read_back(store: Store) -> None:
    digest = store.put(b"hello")
    assert digest == digest_bytes(b"hello")
    assert store.read(digest) == b"hello"
    assert store.open_path(digest).read_bytes() == b"hello"


def test_the_same_bytes_are_one_object(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 3_000_000)
    assert store.put_file(tmp_path / "a.bin") == store.put(b"x" * 3_000_000)
    assert len(list(store.digests())) == 1


@pytest.mark.parametrize("position", [0, 7, -1])
def test_a_flipped_bit_is_found_and_never_handed_out(store: Store, position: int) -> None:
    digest = store.put(b"precious bytes")
    path = file_of(store, digest)
    hurt = bytearray(path.read_bytes())
    hurt[position] ^= 1
    path.chmod(0o600)
    path.write_bytes(hurt)
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.read(digest)
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.open_path(digest)


def test_a_file_changed_after_it_was_verified_is_verified_again(store: Store) -> None:
    digest = store.put(b"precious")
    path = store.open_path(digest)
    path.chmod(0o600)
    path.write_bytes(b"PRECIOUS")
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.open_path(digest)


@pytest.mark.parametrize("how", ["bytes", "file"])
def test_bringing_the_same_bytes_again_mends_a_damaged_object(store: Store, tmp_path: Path, how: str) -> None:
    digest = store.put(b"precious")
    path = store.open_path(digest)
    path.chmod(0o600)
    path.write_bytes(b"PRECIOUS")
    (tmp_path / "again").write_bytes(b"precious")
    assert (store.put(b"precious") if how == "bytes" else store.put_file(tmp_path / "again")) == digest
    assert store.read(digest) == b"precious"


def test_a_missing_object_is_named(store: Store) -> None:
    with pytest.raises(ObjectMissing, match="is not in the store"):
        store.read(digest_bytes(b"never"))


@pytest.mark.parametrize("name", ["../etc/passwd", "abc", "", "G" * 64, "a" * 63 + "/"])
def test_only_a_digest_names_an_object(store: Store, name: str) -> None:
    with pytest.raises(BadDigest, match="is not a digest"):
        store.read(name)


def test_a_tree_gives_back_its_names(store: Store) -> None:
    entries = {"b/c.py": store.put(b"c"), "a.py": store.put(b"a")}
    assert store.read_tree(store.put_tree(entries)) == dict(sorted(entries.items()))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a//b", "C:/x", "a\\b", "a\0"])
def test_a_tree_that_leads_outside_is_refused(store: Store, name: str) -> None:
    hostile = store.put(canonical({"entries": {name: digest_bytes(b"x")}, "type": "tree"}))
    with pytest.raises(NotATree, match="leads out of its folder"):
        store.read_tree(hostile)
    with pytest.raises(NotATree, match="something else"):
        store.read_tree(store.put(b"\xff not a tree"))


def test_a_failed_write_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        store.put_file(tmp_path)
    assert list(store.digests()) == []
    assert list((tmp_path / "home" / "tmp").iterdir()) == []


def test_what_a_killed_writer_left_a_day_ago_is_swept(tmp_path: Path) -> None:
    Store(tmp_path)
    old, new = tmp_path / "tmp" / "tmp_old", tmp_path / "tmp" / "tmp_new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    Store(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


@settings(max_examples=40, deadline=None)
@given(values=st.dictionaries(st.text(max_size=20), st.binary(max_size=200), max_size=5))
def test_the_cache_gives_back_what_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, values: dict
) -> None:
    cache = Store(tmp_path_factory.mktemp("home")).cache
    for key, value in values.items():
        cache.put(key, value)
    assert {key: cache.get(key) for key in values} == values
    assert cache.get("x" * 21) is None
