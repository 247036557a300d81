"""C9: what a guest brings as a folder's listing costs a server no more than it is long."""

import pytest
from tests.attacks.load import MB
from tests.attacks.town import Town

from ropeway.core.ids import Digest
from ropeway.data import operations
from ropeway.store.errors import NotATree
from ropeway.store.trees import entries_of


def bring(town: Town, name: str, listing: bytes) -> tuple[int, dict]:
    """Put a folder with this listing on record."""
    kept, word = town.keep(listing), town.keep(b"{}")
    found = {"name": name, "version": kept, "format": "folder", "rows": 1, "size_bytes": 1, "columns": {}}
    reply = town.call("data.arrive", "contributor", found={**found, "contract": word, "profile": word})
    return reply.status_code, reply.json()


def outcome(town: Town, name: str) -> dict:
    """What becomes of a job that lists it."""
    job = town.call("data.full-profile", "viewer", reference=name).json()["job"]
    while (told := town.ask("GET", f"/api/v1/jobs/{job}", "admin").json())["state"] == "running":
        pass
    return told


def test_millions_of_nothings_are_refused_at_the_first() -> None:
    # Seven bytes each became a hundred and fifty of memory.
    listing = b'{"entries":{' + b",".join(b'"%d":""' % each for each in range(200_000)) + b'},"type":"tree"}'
    with pytest.raises(NotATree):
        entries_of(Digest("0" * 64), listing)
    for more in (b'"a":"%s"' % (b"0" * 63), b'"a":"%s"' % (b"0" * 65), b'"a":[]', b'"a":' + b"[" * 100_000):
        with pytest.raises(NotATree):
            entries_of(Digest("0" * 64), b'{"entries":{' + more + b'},"type":"tree"}')


def test_a_job_about_it_fails_and_the_server_answers(town: Town) -> None:
    hollow = b'{"entries":{' + b",".join(b'"%d":""' % each for each in range(100_000)) + b'},"type":"tree"}'
    deep = b'{"entries":' + b'{"a":' * 100_000
    for name, listing in {"hollow": hollow, "deep": deep, "none": b"\x00" * MB}.items():
        assert bring(town, name, listing)[0] == 200
        told = outcome(town, name)
        assert (told["state"], told["error"]["code"]) == ("failed", "not-a-tree"), name
    assert town.ask("GET", "/health").status_code == 200


def test_an_enormous_listing_is_refused_of_a_guest(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "LARGEST_LISTING_BYTES", MB)
    one = b'"f%06d":"' + b"0" * 64 + b'"'
    entries = b",".join(one % each for each in range(14_000))
    status, said = bring(town, "many", b'{"entries":{' + entries + b'},"type":"tree"}')
    assert (status, said["error"]["code"]) == (413, "listing-too-large")
