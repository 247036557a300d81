"""Folders in and out."""

import os
import time
from pathlib import Path

import pytest

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.store import Store
from ropeway.store.errors import CannotKeep, InTheWay, NotATree, ObjectDamaged


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def at_rest() -> None:
    """A stat index believes a file that changed a moment ago nothing."""
    time.sleep(0.15)


def test_a_folder_comes_back_as_it_was(store: Store, folder: Path, tmp_path: Path) -> None:
    tree = store.put_folder(folder)
    done = store.restore_folder(tree, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder)
    assert (done.written, done.unchanged) == (22, 0)
    assert tree == store.put_tree({name: store.put(data) for name, data in contents(folder).items()})


def test_a_folder_of_small_files_is_one_pack(store: Store, folder: Path) -> None:
    store.put_folder(folder)
    assert len(list(store.packed.packs.folder.glob("*.pack"))) == 1
    assert list(store.loose.digests()) == []


def test_a_large_file_in_a_folder_is_kept_in_chunks(store: Store, folder: Path, tmp_path: Path) -> None:
    (folder / "big").write_bytes(os.urandom(9_000_000))
    tree = store.put_folder(folder)
    assert store.recipe(store.read_tree(tree)["big"]) is not None
    store.restore_folder(tree, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder)


def test_an_unchanged_folder_is_not_read_again(store: Store, folder: Path, monkeypatch) -> None:
    at_rest()
    tree = store.put_folder(folder)
    for path in folder.rglob("*.txt"):
        path.chmod(0o600)
    at_rest()
    assert store.put_folder(folder) == tree  # the times of the inodes moved: read once more
    opened = count_opens(monkeypatch)
    assert store.put_folder(folder) == tree
    assert [name for name in opened if "/data/" in name] == []


def count_opens(monkeypatch) -> list[str]:
    opened: list[str] = []
    really = os.open

    def noted(path, *args, **kwargs):
        opened.append(str(path))
        return really(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", noted)
    return opened


def test_one_changed_file_is_the_only_one_read(store: Store, folder: Path, monkeypatch) -> None:
    at_rest()
    store.put_folder(folder)
    (folder / "a" / "3.txt").write_bytes(b"other")
    at_rest()
    opened = count_opens(monkeypatch)
    tree = store.put_folder(folder)
    assert [name for name in opened if "/data/" in name] == [str(folder / "a" / "3.txt")]
    assert store.read_tree(tree)["a/3.txt"] == digest_bytes(b"other")


@pytest.mark.parametrize("how", ["same length at once", "times set back"])
def test_a_change_that_hides_is_seen(store: Store, folder: Path, how: str) -> None:
    path = folder / "a" / "3.txt"
    if how == "times set back":
        at_rest()
    before = path.stat()
    store.put_folder(folder)
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    tree = store.put_folder(folder)
    assert store.read_tree(tree)["a/3.txt"] == digest_bytes(b"x" * before.st_size)


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_stat_index_only_makes_it_slow(store: Store, folder: Path, how: str) -> None:
    at_rest()
    tree = store.put_folder(folder)
    index = store.cache._path(f"stat-folder:{folder}")
    data = bytearray(index.read_bytes())
    data[-40] ^= 1
    index.write_bytes(data if how == "flipped" else data[:50])
    if how == "gone":
        index.unlink()
    assert store.stat_index.folder(folder) is None
    assert store.put_folder(folder) == tree


def test_after_a_removal_the_stat_index_is_not_believed(store: Store, folder: Path) -> None:
    at_rest()
    tree = store.put_folder(folder)
    gone = store.read_tree(tree)["a/3.txt"]
    store.remove([gone])
    assert store.put_folder(folder) == tree
    assert store.read(gone) == (folder / "a" / "3.txt").read_bytes()


def test_links_and_special_files_are_refused_rather_than_followed(store: Store, folder: Path) -> None:
    link = folder / "link"
    link.symlink_to("/etc/passwd")
    with pytest.raises(CannotKeep, match="it is a link"):
        store.put_folder(folder)
    link.unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(CannotKeep, match="special file"):
        store.put_folder(folder)
    assert list(store.digests()) == []


@pytest.mark.parametrize("name", [b"back\\slash", b"C:", b"\xff\xfe"])
def test_names_that_mean_something_else_elsewhere_are_refused(
    store: Store, folder: Path, name: bytes
) -> None:
    (folder / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(CannotKeep, match="name"):
        store.put_folder(folder)


def test_the_workspace_itself_and_what_a_killed_restore_left_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / ".ropeway-tmp_x").write_bytes(b"half")
    store = Store(tmp_path / ".ropeway")
    assert list(store.read_tree(store.put_folder(tmp_path))) == ["a.txt"]


def test_restoring_again_rewrites_only_what_changed(store: Store, folder: Path, tmp_path: Path) -> None:
    tree, out = store.put_folder(folder), tmp_path / "out"
    store.restore_folder(tree, out)
    inodes = {path: path.stat().st_ino for path in out.rglob("*.txt")}
    (out / "a" / "3.txt").write_bytes(b"edited")
    (out / "mine.txt").write_bytes(b"mine")
    done = store.restore_folder(tree, out)
    assert (done.written, done.unchanged) == (1, 21)
    assert {path for path, inode in inodes.items() if path.stat().st_ino != inode} == {out / "a" / "3.txt"}
    assert contents(out) == {**contents(folder), "mine.txt": b"mine"}


def test_only_the_files_that_were_named_are_restored(store: Store, folder: Path, tmp_path: Path) -> None:
    tree = store.put_folder(folder)
    done = store.restore_folder(tree, tmp_path / "out", only=["a/3.txt"], durable=True)
    assert (done.written, contents(tmp_path / "out")) == (1, {"a/3.txt": b"row 3\n" * 3})
    again = store.restore_folder(tree, tmp_path / "out", only=["a/3.txt", "a/4.txt"], durable=True)
    assert (again.written, again.unchanged) == (1, 1)


def test_files_come_back_right_in_whatever_order_they_lie(store: Store, tmp_path: Path) -> None:
    """Objects that other folders brought lie in other packs, and not in the tree's order."""
    (tmp_path / "data").mkdir()
    for number in (7, 2, 9, 4, 0):
        (tmp_path / "data" / str(number)).write_bytes(f"{number}".encode() * 90_000)
        store.put_folder(tmp_path / "data")
    tree = store.put_folder(tmp_path / "data")
    store.restore_folder(tree, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "data")
    assert store.sizes(list(store.read_tree(tree).values())) == [90_000] * 5


def test_restoring_follows_no_link_that_stands_in_its_way(store: Store, folder: Path, tmp_path: Path) -> None:
    tree, out, outside = store.put_folder(folder), tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "a").symlink_to(outside)
    with pytest.raises(InTheWay, match="link or file stands in the way"):
        store.restore_folder(tree, out)
    assert list(outside.iterdir()) == []
    (out / "a").unlink()
    (out / "empty.txt").unlink(missing_ok=True)
    (outside / "victim").write_bytes(b"precious")
    (out / "empty.txt").symlink_to(outside / "victim")
    store.restore_folder(tree, out)
    assert (outside / "victim").read_bytes() == b"precious"
    assert not (out / "empty.txt").is_symlink()


def test_a_folder_where_a_file_should_be_is_not_replaced(store: Store, folder: Path, tmp_path: Path) -> None:
    tree = store.put_folder(folder)
    (tmp_path / "out" / "empty.txt").mkdir(parents=True)
    with pytest.raises(InTheWay, match="a folder stands in the way"):
        store.restore_folder(tree, tmp_path / "out")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//b"])
def test_a_hostile_tree_writes_nothing(store: Store, tmp_path: Path, name: str) -> None:
    hostile = store.put(canonical({"entries": {name: store.put(b"x")}, "type": "tree"}))
    with pytest.raises(NotATree, match="leads out of its folder"):
        store.restore_folder(hostile, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()


def test_a_restore_that_fails_leaves_no_folder(store: Store, folder: Path, tmp_path: Path) -> None:
    tree = store.put_folder(folder)
    (pack,) = store.packed.packs.folder.glob("*.pack")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    data[data.index(bytes(range(64)))] ^= 1
    pack.write_bytes(data)
    with pytest.raises(ObjectDamaged, match="is damaged"):
        store.restore_folder(tree, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "data"}


@pytest.mark.parametrize("link", [False, True])
def test_a_file_is_restored_over_an_older_one(store: Store, tmp_path: Path, link: bool) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"older")
    digest = store.put(b"bytes")
    for _ in range(2):
        store.restore_file(digest, target, link=link)
    assert target.read_bytes() == b"bytes"
    assert (target.stat().st_ino == store.open_path(digest).stat().st_ino) == link
    assert not list(tmp_path.glob(".ropeway-tmp*"))
