"""Servers that speak S3, each its own code: moto (signatures unchecked) and nanio (checked)."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "ropeway-key", "AWS_SECRET_ACCESS_KEY": "ropeway-secret-0123456789"}
STARTED_WITHIN_S = 60.0


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    with _running(["moto.server", "-H", "127.0.0.1", "-p", "{port}"], folder) as address:
        yield address


@contextmanager
def nanio_server(folder: Path) -> Iterator[str]:
    words = ["nanio", "serve", "--host", "127.0.0.1", "--port", "{port}", "--data-dir", str(folder / "data")]
    with _running(words, folder) as address:
        yield address


def make_bucket(address: str, name: str) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=name)
    client.close()


@contextmanager
def _running(words: list[str], folder: Path) -> Iterator[str]:
    port = _free_port()
    environment = {
        **os.environ,
        "NANIO_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
        "NANIO_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *(word.format(port=port) for word in words)],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _await(port, server, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < ends and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-2000:])
