"""Each kind of remote under the one contract: a folder, and buckets of two servers."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from contract import RemoteContract
from tests.store.backends.servers import KEYS, make_bucket, moto_server, nanio_server

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


def bucket_at(address: str) -> str:
    name = f"bucket-{next(NUMBERS)}"
    make_bucket(address, name)
    return f'[remote.remote]\nurl = "s3://{name}/a/prefix"\nendpoint = "{address}"\n'


class TestFolder(RemoteContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return f'[remote.remote]\nurl = "{tmp_path / "hub"}"\n'


class TestMoto(RemoteContract):
    @pytest.fixture
    def place(self, moto: str) -> str:
        return bucket_at(moto)


class TestNanio(RemoteContract):
    @pytest.fixture
    def place(self, nanio: str) -> str:
        return bucket_at(nanio)
