"""What data comes from in tests: a web server and a bucket, asked over real HTTP."""

from collections.abc import Iterator

import pytest
from tests.data.web import Site, served


@pytest.fixture
def site() -> Iterator[Site]:
    """Files at http addresses on this machine."""
    with served() as site:
        yield site


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3 server (moto's), with an empty bucket `shop`."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch):
    """An obstore client of an empty bucket, with credentials in the environment."""
    import httpx

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    httpx.post(f"{s3}/moto-api/reset")
    httpx.put(f"{s3}/shop")
    return pytest.importorskip("obstore.store").S3Store(
        "shop", endpoint=s3, client_options={"allow_http": True}
    )
