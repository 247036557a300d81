"""Remotes and what keeps a workspace whole: collections, repairs, removals."""

import os
import time

import pytest
from between import bring, bring_files, flip

from ropeway.keeping.mend import mend
from ropeway.keeping.operations import fsck, gc
from ropeway.remotes.operations import fetch, pull, push, remote_status
from ropeway.remotes.remote import open_remote
from ropeway.store.errors import ObjectMissing


def age(workspace):
    """As if all objects, and what holds them, had been brought a month ago."""
    long_ago = time.time() - 30 * 86_400
    for folder in ("objects", "packs"):
        for path in (workspace.home / folder).rglob("*"):
            os.utime(path, (long_ago, long_ago))
    (workspace.home / "packs" / "recent").unlink(missing_ok=True)


def remote_of(workspace):
    return open_remote(workspace.project, workspace.root, workspace.store, None)


def test_what_was_fetched_and_is_no_version_goes_with_a_collection(alpha, beta):
    bring(alpha)
    push(alpha, refs=["rows"])
    fetch(beta)
    assert gc(beta).dead == []
    age(beta)
    assert gc(beta).removed == 3
    assert fetch(beta).objects == 3


def test_what_was_pulled_stays(alpha, beta):
    bring_files(alpha)
    push(alpha, everything=True)
    pull(beta, everything=True)
    age(beta)
    assert gc(beta).removed == 0
    assert fsck(beta).is_sound


def test_a_push_makes_nothing_here_removable(alpha):
    bring_files(alpha)
    before = set(alpha.store.digests())
    push(alpha, everything=True)
    age(alpha)
    assert gc(alpha).removed == 0
    assert set(alpha.store.digests()) == before


def test_what_is_damaged_and_missing_here_is_mended_from_a_remote(alpha):
    version = bring(alpha)
    bring_files(alpha)
    push(alpha, everything=True)
    flip(alpha.store.loose.path(version.version))
    alpha.store.remove([version.contract, *list(alpha.store.digests())[-3:]])
    report = fsck(alpha)
    assert not report.is_sound
    mended = mend(alpha, report, None, remotes=[remote_of(alpha)])
    assert (mended.not_found, mended.after.is_sound) == ([], True)


def test_what_is_damaged_there_is_no_source(alpha, hub):
    version = bring(alpha)
    push(alpha, refs=["rows"])
    place = remote_of(alpha).depot.index.find(bytes.fromhex(version.version), 1)[0]
    [pack] = (hub / "blobs" / "packs").iterdir()
    flip(pack, place.entry.payload_at)
    alpha.store.remove([version.version])
    mended = mend(alpha, fsck(alpha), None, remotes=[remote_of(alpha)])
    assert mended.not_found == [version.version]
    assert not alpha.store.has(version.version)


def test_what_is_damaged_there_is_brought_again_by_who_has_it(alpha, beta, hub):
    bring_files(alpha)
    push(alpha, everything=True)
    for pack in (hub / "blobs" / "packs").iterdir():
        flip(pack)
    status = remote_status(beta, verify=True)
    assert status.checked is not None
    assert (status.is_sound, len(status.checked.lost) > 0) == (False, True)
    assert push(alpha, everything=True, verify=True).sent_bytes > 0
    assert remote_status(beta, verify=True).is_sound
    pull(beta, everything=True)


def test_removing_an_object_takes_every_version_that_holds_it(alpha, beta):
    version = bring_files(alpha)
    bring(alpha)
    push(alpha, everything=True)
    [member] = [alpha.store.read_tree(version.version)["3.bin"]]
    assert remote_of(alpha).remove([member]).objects == 1
    assert fetch(beta).versions == ["hub/dataset:rows@v1"]
    assert not remote_of(beta).depot.has(member)


def test_what_is_gone_here_is_left_out_of_all_and_named_where_it_is_asked_for(alpha):
    version = bring_files(alpha)
    bring(alpha)
    alpha.store.remove([alpha.store.read_tree(version.version)["3.bin"]])
    made = push(alpha, everything=True)
    assert (made.new, made.left_out) == (["dataset:rows@v1"], ["imgs@v1"])
    with pytest.raises(ObjectMissing, match="not in the store"):
        push(alpha, refs=["imgs"])


def test_a_version_there_that_lacks_an_object_is_named_and_the_next_push_mends_it(alpha):
    version = bring(alpha).version
    push(alpha, everything=True)
    opened = remote_of(alpha)
    # As when somebody purges there between a push's look and its ref.
    opened.depot.remove(alpha.store.scratch, {version})
    found = remote_status(alpha)
    assert (found.lacking, found.is_sound) == (["dataset:rows@v1"], False)
    push(alpha, everything=True)
    assert remote_status(alpha).is_sound
