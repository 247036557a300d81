"""A remote that somebody else can write to: what it says is held against what came, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from between import bring, bring_files, register

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.data.load import load, resolve
from ropeway.models.operations import list_models
from ropeway.remotes.operations import fetch, pull, push
from ropeway.store.backends import LocalBackend
from ropeway.workspace.operations import list_events

SECRET = "0" * 64


def rewrite(hub: Path, change: dict[str, Any]) -> None:
    """Say something else in the one manifest there is, under a ref and a digest that fit it."""
    backend = LocalBackend(hub)
    [ref], [blob] = backend.list("refs"), backend.list("manifests")
    said = json.loads(backend.get(blob.name))
    for place, value in change.items():
        part, _, name = place.rpartition(".")
        (said[part] if part else said)[name] = value
    data = json.dumps(said).encode()
    digest = digest_bytes(data)
    _, kind_name, version, _ = ref.name.split("/")
    backend.delete(ref.name)
    backend.put(f"manifests/{digest}.json", data)
    backend.put(f"refs/{kind_name}/{version}/{digest}", b"")


@pytest.mark.parametrize(
    "change",
    [
        {"objects": ["../../../etc/passwd"]},
        {"objects": []},
        {"trees": [SECRET]},
        {"dataset.contract": SECRET},
        {"version": "../x"},
        {"name": "../../outside"},
        {"name": "other"},
        {"kind": "model"},
        {"kind": "code"},
        {"events": []},
        {"format": 2},
        {"dataset": None},
    ],
)
def test_a_manifest_that_does_not_fit_is_no_version(alpha, beta, hub, change):
    bring(alpha)
    push(alpha, refs=["rows"])
    rewrite(hub, change)
    found = fetch(beta)
    assert found.versions == []
    assert len(found.unreadable) == 1
    assert list_events(beta) == []


@pytest.mark.parametrize(
    "change",
    [
        {"dataset.format": "parquet"},
        {"dataset.format": "referred"},
        {"dataset.columns": [["id", "no-such-kind"], ["text", 'List("x")']]},
        {"dataset.rows": -5},
        {"dataset.label_columns": ["nothing"]},
        {"number": -1},
        {"size_bytes": 2**70},
        {"events": [{"seq": 1, "id": "x", "at": "never", "verb": "dataset-arrived", "record": ""}]},
    ],
)
def test_what_a_manifest_says_of_rows_is_found_out_or_refused(alpha, beta, hub, change):
    bring(alpha)
    push(alpha, refs=["rows"])
    rewrite(hub, change)
    try:
        pull(beta, everything=True)
    except RopewayError:
        assert list_events(beta) == []
        assert not (beta.root / "contracts" / "rows.toml").exists()
        return
    if list_events(beta):
        version = resolve(beta, "rows")
        assert (version.rows, len(version.columns)) == (2, 2)
        assert load(beta, version).height == 2


def test_a_model_that_says_it_was_approved_is_a_candidate_all_the_same(alpha, beta, hub):
    register(alpha)
    push(alpha, refs=["mood"])
    rewrite(hub, {"model.state": "approved"})
    pull(beta, refs=["mood"])
    [version] = list_models(beta)
    assert (version.state, version.approved_by) == ("candidate", None)


def test_a_package_of_another_model_is_refused(alpha, beta, hub):
    other = register(alpha, learnt="2", name="other")
    register(alpha)
    push(alpha, refs=["mood"])
    rewrite(
        hub,
        {"model.package": other.package, "objects": [other.package, other.code], "trees": [other.package]},
    )
    with pytest.raises(RopewayError):
        pull(beta, everything=True)
    assert list_models(beta) == []


def test_a_tree_with_a_name_that_leads_out_is_refused(alpha, beta, hub, tmp_path):
    bring_files(alpha)
    push(alpha, refs=["imgs"])
    evil = alpha.store.put(b'{"entries":{"../../out.txt":"' + b"0" * 64 + b'"},"type":"tree"}')
    from ropeway.remotes.remote import open_remote

    open_remote(alpha.project, alpha.root, alpha.store, None, writes=True).depot.send(alpha.store, [evil])
    [version] = [each.name.split("/")[2] for each in LocalBackend(hub).list("refs")]
    rewrite(hub, {"objects": [version, evil], "trees": [evil], "version": version})
    assert fetch(beta).versions == []
    assert not list(tmp_path.rglob("out.txt"))


def test_no_event_names_an_object_that_is_not_here(alpha, beta):
    register(alpha)
    push(alpha, everything=True)
    pull(beta, everything=True)
    for item in list_events(beta, verb="version-pulled"):
        assert beta.store.has(Digest(item.body["manifest"]))
