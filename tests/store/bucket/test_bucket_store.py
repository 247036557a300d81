"""A store at a backend: what is there before anything refers to it, and what stays up without it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.store.backends.servers import KEYS, make_bucket, moto_server, nanio_server
from tests.store.depot.counted import Counted
from tests.store.depot.test_depot import noise
from tests.store.test_objects import *  # noqa: F403  the contract of a store, by this `store`

from ropeway.core.hashing import digest_bytes
from ropeway.store import Store
from ropeway.store.backends import LocalBackend, S3Backend, open_backend
from ropeway.store.bucket import Bucket, BucketStore
from ropeway.store.depot import Depot
from ropeway.store.errors import (
    BackendUnavailable,
    BytesErased,
    ObjectErased,
    ObjectMissing,
    StoreElsewhere,
    StoreEmptied,
    StoreTaken,
)

Machine = Callable[..., BucketStore]
SERVERS = {"moto": moto_server, "nanio": nanio_server}


@pytest.fixture
def wire(tmp_path: Path) -> Counted:
    return Counted(LocalBackend(tmp_path / "hub"))


@pytest.fixture
def machine(tmp_path: Path, wire: Counted) -> Machine:
    """A machine with a copy of its own: `machine("one")`."""

    def make(
        name: str, *, backend: object = wire, owner: str = "ledger", was_used: bool = False
    ) -> BucketStore:
        def bucket(here: Store) -> Bucket:
            return Bucket(
                "hub", lambda: backend, here, owner=lambda: owner, was_used=was_used, note_used=lambda: None
            )

        return BucketStore(tmp_path / name, bucket)

    return make


@pytest.fixture
def store(machine: Machine) -> Store:
    """For the contract of a store."""
    return machine("home")


@pytest.fixture(scope="module", params=SERVERS)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as address:
        make_bucket(address, "bucket")
        yield address


def wipe(store: BucketStore) -> None:
    """Delete every copy here, as somebody does who needs the room."""
    for folder in ("objects", "packs", "cache"):
        shutil.rmtree(store.scratch.parent / folder)


def test_what_was_shipped_is_read_elsewhere_and_where_the_copies_are_gone(
    address: str, machine: Machine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    one = machine("one", backend=open_backend("s3://bucket/store"))
    large = noise(9_000_000)
    kept = [one.put(b"small"), one.put(b""), one.put(large), tree := one.put_folder(folder)]
    one.ship()
    two = machine("two", backend=open_backend("s3://bucket/store"))
    assert [two.read(digest) for digest in kept[:3]] == [b"small", b"", large]
    two.restore_folder(tree, tmp_path / "again")
    assert (tmp_path / "again" / "a" / "deep" / "é.bin").read_bytes() == bytes(range(256)) * 40
    wipe(one)
    again = machine("one", backend=open_backend("s3://bucket/store"))
    assert again.size(kept[2]) == len(large)
    assert again.open_path(kept[2]).read_bytes() == large
    assert set(again.digests()) >= set(kept)


def test_a_bucket_that_is_not_there_is_said_to_be_missing(address: str, monkeypatch: pytest.MonkeyPatch):
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    backend = S3Backend("no-such-bucket", "prefix")
    with pytest.raises(BackendUnavailable, match="no such bucket"):
        backend.put("a", b"x")
    with pytest.raises(BackendUnavailable, match="no such bucket"):
        list(backend.list())


def test_nothing_is_asked_of_the_network_before_something_is_needed_there(machine: Machine, wire: Counted):
    one = machine("one")
    digest = one.put(b"here")
    assert one.read(digest) == b"here"
    assert one.has(digest)
    assert wire.requests == {}
    one.ship()
    wire.forget()
    one.ship()
    one.put(b"here")
    one.ship()
    assert wire.requests == {}, "what is there is known"


def test_that_an_object_is_here_is_not_taken_for_its_being_there(machine: Machine):
    digest = machine("one").put(b"killed before it was shipped")
    again = machine("one")
    assert again.renew(digest)
    assert not again.bucket.has(digest)
    again.ship([digest])
    assert again.bucket.has(digest)
    assert machine("two").read(digest) == b"killed before it was shipped"


def test_what_a_tree_holds_is_there_before_the_tree(machine: Machine, wire: Counted, tmp_path: Path):
    one = machine("one")
    inner = one.put_tree({"a": one.put(b"a")})
    outer = one.put_tree({"inner": inner, "b": one.put(b"b")})
    seen = []
    put = wire.put
    wire.put = lambda name, data: (put(name, data), seen.append({*machine("eye").bucket.digests()}))[0]
    one.ship([outer])
    assert all(inner in there for there in seen if outer in there)
    assert all(digest_bytes(b"a") in there for there in seen if inner in there)
    assert seen[-1] == {outer, inner, digest_bytes(b"a"), digest_bytes(b"b")}


def test_of_a_missing_member_the_tree_is_not_shipped(machine: Machine):
    one = machine("one")
    tree = one.put_tree({"a": one.put(b"a")})
    one._here.remove([digest_bytes(b"a")])
    with pytest.raises(ObjectMissing):
        one.ship([tree])
    assert not one.bucket.holds(tree)


def test_a_damaged_copy_is_brought_anew_and_never_handed_out(machine: Machine):
    one = machine("one")
    digest = one.put(b"precious")
    one.ship()
    path = one.loose.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"PRECIOUS")
    assert one.read(digest) == b"precious"
    assert one.is_sound(digest)


def test_without_the_backend_reads_of_what_is_here_stay_up_and_the_rest_says_why(
    machine: Machine, tmp_path: Path
):
    one = machine("one", backend=None)
    one.bucket._connect = lambda: (_ for _ in ()).throw(BackendUnavailable("hub", "it is away"))
    digest = one.put(b"here")
    assert one.read(digest) == b"here"
    with pytest.raises(BackendUnavailable, match="it is away"):
        one.ship()
    with pytest.raises(BackendUnavailable, match="it is away"):
        one.read(digest_bytes(b"there"))
    one.bucket._connect = lambda: LocalBackend(tmp_path / "hub")
    one.bucket._failed = None
    one.ship()
    assert machine("two").has(digest), "what could not be shipped still waited"


def test_a_store_belongs_to_one_ledger_and_a_remote_is_none(machine: Machine, wire: Counted, tmp_path: Path):
    one = machine("one")
    one.put(b"ours")
    one.ship()
    other = machine("other", owner="another ledger")
    other.put(b"theirs")
    with pytest.raises(StoreTaken, match="another workspace"):
        other.ship()
    remote = LocalBackend(tmp_path / "remote")
    remote.put("refs/dataset-rows/a/b", b"")
    third = machine("third", backend=remote)
    third.put(b"x")
    with pytest.raises(StoreTaken, match="a remote"):
        third.ship()


def test_what_lies_together_is_brought_together(machine: Machine, wire: Counted, folder: Path):
    one, two = machine("one"), machine("two")
    tree = one.put_folder(folder)
    one.ship()
    members = two.read_tree(tree).values()
    wire.forget()
    assert [digest_bytes(two.read(digest)) for digest in members] == list(members)
    assert wire.requests["get"] <= 2


def test_a_store_is_no_remote(machine: Machine, wire: Counted):
    one = machine("one")
    one.put(b"ours")
    one.ship()
    with pytest.raises(StoreTaken, match="own store"):
        Depot(wire, "hub", one.cache)


def test_what_is_mended_there_is_known_as_a_tree_where_no_copy_is(machine: Machine):
    one, two = machine("one"), machine("two")
    text, tree = one.put(b"{}"), one.put_tree({"a": one.put(b"a")})
    plain = one.put(b"plain")
    one.ship()
    one.bucket.look().remove(one.scratch, [tree])
    assert one.heal([tree]) == []
    assert two.may_be_tree(tree)
    assert two.may_be_tree(text), "it looks like one"
    assert not two.may_be_tree(plain)


def test_an_empty_folder_is_not_taken_for_the_store_that_was_there(machine: Machine):
    with pytest.raises(StoreEmptied, match="none of the objects"):
        machine("one", was_used=True).read(digest_bytes(b"x"))


def test_a_store_that_was_moved_says_where_it_is(machine: Machine):
    one, two = machine("one"), machine("two")
    one.put(b"x")
    one.ship()
    one.bucket.leave("s3://new/place", 1.0)
    with pytest.raises(StoreElsewhere, match="s3://new/place"):
        two.read(digest_bytes(b"x"))


def test_what_was_erased_is_not_brought_back_by_a_copy_elsewhere(machine: Machine):
    one, two = machine("one"), machine("two")
    digest = one.put(b"somebody's")
    one.ship()
    assert two.read(digest) == b"somebody's"
    one.erased.add({digest: "erasure_1"})
    one.remove([digest], leave_no_trace=True)
    with pytest.raises(ObjectErased, match="erasure_1"):
        one.read(digest)
    again = machine("two")
    assert again.renew(digest), "the copy is still here"
    with pytest.raises(BytesErased, match="erasure_1"):
        again.ship([digest])
    assert digest not in set(again.bucket.digests())


def test_only_copies_of_what_the_backend_has_are_dropped(machine: Machine):
    one = machine("one")
    shipped, waiting = one.put(b"shipped"), one.put(noise(9_000_000))
    one.ship([shipped])
    assert one.offload([shipped, waiting])[0] == 1
    assert (one.has_copy(shipped), one.has_copy(waiting)) == (False, True)
    assert one.read(shipped) == b"shipped"


def test_damage_on_either_side_is_mended_from_the_other(machine: Machine, tmp_path: Path):
    one = machine("one")
    kept = [one.put(noise(3_000, seed)) for seed in range(3)] + [one.put(noise(9_000_000))]
    one.ship()
    for pack in sorted((tmp_path / "hub" / "blobs" / "packs").iterdir()):
        pack.chmod(0o600)
        data = bytearray(pack.read_bytes())
        data[len(data) // 3] ^= 1
        pack.write_bytes(data)
    found = one.bucket.check()
    assert found.lost
    assert one.bucket.objects_of(found.lost) <= set(kept)
    assert one.heal(kept) == []
    assert machine("two").bucket.check().lost == []
    assert [machine("two").size(digest) for digest in kept] == [3_000] * 3 + [9_000_000]
