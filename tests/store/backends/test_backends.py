"""Each backend under the one contract, and what is its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.store.backends.contract import BackendContract
from tests.store.backends.servers import KEYS, make_bucket, moto_server, nanio_server

from ropeway.store.backends import Backend, LocalBackend, S3Backend, open_backend
from ropeway.store.errors import BackendUnavailable, BadBackend

NUMBERS = count()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto_server(tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture(scope="module")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nanio_server(tmp_path_factory.mktemp("nanio")) as address:
        yield address


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def bucket_at(address: str, monkeypatch: pytest.MonkeyPatch) -> Backend:
    name = f"bucket-{next(NUMBERS)}"
    make_bucket(address, name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    return open_backend(f"s3://{name}/some/prefix")


class TestLocal(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return open_backend((tmp_path / "blobs").as_uri())

    def test_a_folder_that_cannot_be_made_is_said_to_be_unusable(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(BackendUnavailable, match="cannot be used"):
            LocalBackend(tmp_path / "file")


class TestMoto(BackendContract):
    @pytest.fixture
    def backend(self, moto: str, monkeypatch: pytest.MonkeyPatch) -> Backend:
        return bucket_at(moto, monkeypatch)


class TestNanio(BackendContract):
    @pytest.fixture
    def backend(self, nanio: str, monkeypatch: pytest.MonkeyPatch) -> Backend:
        return bucket_at(nanio, monkeypatch)

    def test_wrong_keys_are_refused_in_our_words(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backend.put("a", b"x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret-0123456789")
        with pytest.raises(BackendUnavailable, match="keys are wrong") as raised:
            S3Backend(f"bucket-{next(NUMBERS) - 1}", "some/prefix").get("a")
        assert "another-secret" not in str(raised.value)


def test_a_bucket_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ropeway.store.backends.s3.RETRIES", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BackendUnavailable, match="does not answer"):
        open_backend("s3://bucket").get("a")


@pytest.mark.parametrize("address", ["", "ftp://x/y", "s3://", "s3://b?x=1", "s3://u:p@b", "file://host/x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadBackend, match="is no place for blobs") as raised:
        open_backend(address)
    assert "u:p" not in str(raised.value)
