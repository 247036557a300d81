"""What every backend must do. A new one subclasses this and supplies the fixture `backend`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ropeway.store.backends import Backend, Blob
from ropeway.store.errors import BadBlobName, BadRange, BlobMissing


class BackendContract:
    def test_what_was_put_is_got(self, backend: Backend) -> None:
        backend.put("packs/one.pack", b"bytes")
        assert backend.get("packs/one.pack") == b"bytes"
        assert (backend.has("packs/one.pack"), backend.has("packs/two.pack")) == (True, False)

    def test_bytes_files_views_and_nothing_are_all_kept(self, backend: Backend, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"x" * 12_000_000)
        backend.put("file", tmp_path / "file")
        backend.put("view", memoryview(b"abc")[1:])
        backend.put("empty", b"")
        assert backend.get("file") == b"x" * 12_000_000
        assert (backend.get("view"), backend.get("empty")) == (b"bc", b"")

    def test_putting_again_changes_nothing(self, backend: Backend) -> None:
        for _ in range(2):
            backend.put("a", b"same")
        assert list(backend.list()) == [Blob("a", 4)]

    def test_a_range_is_just_the_bytes_asked_for(self, backend: Backend) -> None:
        backend.put("digits", b"0123456789")
        assert backend.get_range("digits", 0, 10) == b"0123456789"
        assert backend.get_range("digits", 3, 4) == b"3456"
        assert backend.get_range("digits", 9, 1) == b"9"

    @pytest.mark.parametrize(("start", "length"), [(0, 11), (9, 2), (10, 1), (50, 1), (-1, 2), (0, 0)])
    def test_a_range_that_is_not_there_is_refused(self, backend: Backend, start: int, length: int) -> None:
        backend.put("digits", b"0123456789")
        with pytest.raises(BadRange, match="does not have"):
            backend.get_range("digits", start, length)

    def test_what_is_missing_is_said_to_be(self, backend: Backend) -> None:
        with pytest.raises(BlobMissing, match="no blob 'nothing'"):
            backend.get("nothing")
        with pytest.raises(BlobMissing, match="no blob 'nothing'"):
            backend.get_range("nothing", 0, 1)
        assert not backend.has("nothing")

    def test_a_listing_names_what_is_in_a_folder_and_below(self, backend: Backend) -> None:
        names = {"a/1", "a/2", "a/b/3", "ab/4", "c"}
        for name in names:
            backend.put(name, name.encode())
        assert {blob.name for blob in backend.list()} == names
        assert {blob.name for blob in backend.list("a")} == {"a/1", "a/2", "a/b/3"}
        assert list(backend.list("none")) == []

    def test_a_listing_goes_on_past_a_page(self, backend: Backend) -> None:
        names = {f"many/{number}" for number in range(130)}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: backend.put(name, b"x"), names))
        assert {blob.name for blob in backend.list("many")} == names

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, backend: Backend) -> None:
        backend.put("a", b"x")
        backend.delete("a")
        backend.delete("a")
        assert not backend.has("a")
        assert list(backend.list()) == []

    @pytest.mark.parametrize(
        "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "A", "a b", "a\\b", "a\0", "é", "a" * 600]
    )
    def test_only_a_name_names_a_blob(self, backend: Backend, name: str) -> None:
        for act in (backend.get, backend.has, backend.delete, lambda each: backend.put(each, b"x")):
            with pytest.raises(BadBlobName, match="is not the name of a blob"):
                act(name)
        with pytest.raises(BadBlobName, match="is not the name of a blob"):
            backend.get_range(name, 0, 1)

    def test_many_at_once_put_the_same(self, backend: Backend) -> None:
        data = b"z" * 300_000
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: backend.put("same", data), range(8)))
        assert backend.get("same") == data
