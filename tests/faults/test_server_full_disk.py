"""A server whose disk runs full: 507 with a code, reads go on, and with space again so does work."""

from pathlib import Path

import httpx
from tests.faults.disk import SmallDisk
from tests.faults.network import wired
from tests.faults.oracle import problems_of
from tests.faults.wired import INTRODUCE

from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

MEGABYTES = 16
OCTETS = {"content-type": "application/octet-stream"}


def test_a_server_on_a_full_disk_says_507_and_needs_no_restart(disk: SmallDisk) -> None:
    root = disk.folder / "project"
    make_workspace(root).close()
    with wired(root) as url, httpx.Client(base_url=url, timeout=30) as client:
        known = client.put("/api/v1/objects", content=b"small", headers=OCTETS).raise_for_status().json()
        disk.fill(leave=8_192)
        told = [_introduce(client, f"full-{number}") for number in range(20)]
        refused = [each for each in told if each.status_code != 200]
        assert refused
        assert {each.status_code for each in refused} == {507}
        assert {each.json()["error"]["code"] for each in refused} <= {"disk-full", "out-of-space"}
        large = client.put("/api/v1/objects", content=bytes(100_000), headers=OCTETS)
        assert (large.status_code, large.json()["error"]["code"]) == (507, "out-of-space")
        assert client.get(f"/api/v1/objects/{known['digest']}").content == b"small"
        assert client.get("/api/v1/ledger.events").status_code == 200
        disk.empty()
        assert _introduce(client, "afterwards").status_code == 200
    _hold_to_account(root, done=21 - len(refused))


def _introduce(client: httpx.Client, name: str) -> httpx.Response:
    return client.post(f"/api/v1/{INTRODUCE}", json={"name": name}, headers={"idempotency-key": name})


def _hold_to_account(root: Path, *, done: int) -> None:
    with LocalWorkspace(root, actor="ana") as workspace:
        with workspace.ledger.reading() as connection:
            names = [getattr(fact.event, "name", "") for fact in workspace.ledger.facts(connection)]
        assert sum(name == "afterwards" or str(name).startswith("full-") for name in names) == done
        assert problems_of(workspace) == []
