"""A depot in a folder: what travels, what is believed, what goes away."""

import random
from pathlib import Path

import pytest
from tests.store.depot.counted import Counted

from ropeway.core.hashing import digest_bytes
from ropeway.store import Store
from ropeway.store.backends import LocalBackend
from ropeway.store.depot import Depot
from ropeway.store.errors import DepotDamaged, DepotLacks, DepotNewer, ObjectDamaged
from ropeway.store.files import write_all


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def wire(hub: Path) -> Counted:
    return Counted(LocalBackend(hub))


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    return Store(tmp_path / "elsewhere")


def depot(wire: Counted, store: Store) -> Depot:
    return Depot(wire, "hub", store.cache)


def packs(hub: Path) -> list[Path]:
    return sorted((hub / "blobs" / "packs").iterdir())


def flip(path: Path, at: int) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_small_large_and_empty_objects_arrive_whole(wire, here, elsewhere):
    large = noise(20_000_000)
    kept = [here.put(b""), here.put(b"small"), here.put(b"text " * 9_000), here.put(large)]
    depot(wire, here).send(here, kept)
    assert depot(wire, elsewhere).bring(elsewhere, kept).objects == 4
    assert [elsewhere.read(each) for each in kept] == [here.read(each) for each in kept]
    assert elsewhere.recipe(kept[3]) == here.recipe(kept[3])


def test_what_is_there_does_not_travel_again(wire, here):
    kept = [here.put(noise(9_000_000)), here.put(b"small")]
    depot(wire, here).send(here, kept)
    wire.forget()
    assert depot(wire, here).send(here, kept).objects == 0
    assert (wire.put_bytes, dict(wire.requests)) == (0, {"get": 1, "list": 1})


def test_of_an_appended_file_only_the_end_travels(wire, here, elsewhere):
    first = noise(50_000_000)
    before, after = here.put(first), here.put(first + noise(500_000, seed=1))
    depot(wire, here).send(here, [before])
    wire.forget()
    depot(wire, here).send(here, [after])
    assert wire.put_bytes < 5_000_000
    depot(wire, elsewhere).bring(elsewhere, [before])
    wire.forget()
    depot(wire, elsewhere).bring(elsewhere, [after])
    assert wire.got_bytes < 5_000_000


def test_many_small_files_are_few_requests(wire, here, elsewhere):
    kept = [here.put(noise(200, seed=number)) for number in range(300)]
    depot(wire, here).send(here, kept)
    assert sum(wire.requests.values()) <= 5
    wire.forget()
    depot(wire, elsewhere).bring(elsewhere, kept)
    assert sum(wire.requests.values()) <= 5


def test_only_what_is_asked_for_is_read(wire, here, elsewhere):
    wanted = [here.put(noise(1_000, seed=number)) for number in range(3)]
    depot(wire, here).send(here, [*wanted, *(here.put(noise(300_000, seed=n)) for n in range(9, 30))])
    fresh = depot(wire, elsewhere)
    wire.forget()
    fresh.bring(elsewhere, wanted[:2])
    assert wire.got_bytes < 10_000


def test_a_file_from_before_there_were_chunks_travels_in_chunks(wire, here, elsewhere):
    data = noise(9_000_000)
    digest = digest_bytes(data)
    here.loose.publish(digest, lambda descriptor: write_all(descriptor, data))
    depot(wire, here).send(here, [digest])
    depot(wire, elsewhere).bring(elsewhere, [digest])
    assert elsewhere.read(digest) == data
    assert depot(wire, here).send(here, [digest]).objects == 0


def test_damaged_bytes_never_travel(wire, here, hub):
    digest = here.put(b"whole")
    flip(here.loose.path(digest), 1)
    with pytest.raises(ObjectDamaged, match="is damaged"):
        depot(wire, here).send(here, [digest])
    assert not (hub / "blobs" / "packs").exists()


def test_a_flipped_byte_there_is_named_and_what_is_sound_beside_it_comes(wire, here, elsewhere, hub):
    kept = [here.put(noise(1_000, seed=number)) for number in range(3)]
    depot(wire, here).send(here, kept)
    fresh = depot(wire, elsewhere)
    middle = fresh.index.find(bytes.fromhex(kept[1]), 1)[0].entry
    flip(packs(hub)[0], middle.payload_at + 10)
    with pytest.raises(DepotDamaged, match=kept[1][:8]):
        fresh.bring(elsewhere, kept)
    assert [elsewhere.has(each) for each in kept] == [True, False, True]
    found = depot(wire, elsewhere).check()
    assert (list(found.damaged.values()), found.lost) == ([[kept[1]]], [kept[1]])


def test_a_flip_in_a_chunk_is_named_with_the_chunk_and_the_object_is_not_made(wire, here, elsewhere, hub):
    digest = here.put(noise(9_000_000))
    depot(wire, here).send(here, [digest])
    largest = max(packs(hub), key=lambda path: path.stat().st_size)
    flip(largest, 5_000_000)
    with pytest.raises(DepotDamaged, match="1 object is damaged"):
        depot(wire, elsewhere).bring(elsewhere, [digest])
    assert not elsewhere.has(digest)


def test_a_damaged_index_is_read_from_the_pack_itself(wire, here, elsewhere, hub):
    digest = here.put(b"small")
    depot(wire, here).send(here, [digest])
    [index] = (hub / "blobs" / "index").iterdir()
    flip(index, 3)
    depot(wire, elsewhere).bring(elsewhere, [digest])
    assert elsewhere.read(digest) == b"small"


def test_what_was_brought_again_is_taken_where_it_is_sound(wire, here, elsewhere, hub):
    digest = here.put(noise(1_000))
    depot(wire, here).send(here, [digest])
    flip(packs(hub)[0], 500)
    writer = depot(wire, here)
    found = writer.check()
    writer.send(here, [digest, here.put(b"beside")])
    assert len(packs(hub)) == 2
    assert depot(wire, elsewhere).bring(elsewhere, [digest]).objects == 1
    writer.drop_damaged(here.scratch, found)
    assert len(packs(hub)) == 1
    assert depot(wire, here).check().damaged == {}


def test_a_pack_that_is_brought_again_just_as_it_was_takes_the_place_of_the_damaged(wire, here, hub):
    digest = here.put(noise(1_000))
    depot(wire, here).send(here, [digest])
    flip(packs(hub)[0], 500)
    writer = depot(wire, here)
    found = writer.check()
    writer.send(here, [digest])
    writer.drop_damaged(here.scratch, found)
    assert depot(wire, here).has(digest)
    assert depot(wire, here).check().damaged == {}


def test_what_a_version_needs_and_nobody_brought_is_named(wire, here, elsewhere):
    depot(wire, here).send(here, [here.put(b"one")])
    with pytest.raises(DepotLacks, match="lacks an object"):
        depot(wire, elsewhere).bring(elsewhere, [digest_bytes(b"another")])


def test_a_chunk_that_others_are_made_of_stays_when_an_object_is_removed(wire, here, elsewhere, hub):
    first = noise(12_000_000)
    before, after = here.put(first), here.put(first + noise(300_000, seed=1))
    other = here.put(b"beside")
    depot(wire, here).send(here, [before, after, other])
    gone = depot(wire, here).remove(here.scratch, [before, digest_bytes(b"never there")])
    assert gone.objects == 1
    fresh = depot(wire, elsewhere)
    assert (fresh.has(before), fresh.has(after)) == (False, True)
    fresh.bring(elsewhere, [after, other])
    depot(wire, here).remove(here.scratch, [after, other])
    assert packs(hub) == []
    assert [path.name for path in (hub / "blobs").rglob("*") if path.is_file()] == ["remote.json"]


def test_what_is_damaged_here_is_mended_when_it_is_doubted(wire, here):
    small, large = here.put(b"small"), here.put(noise(9_000_000))
    depot(wire, here).send(here, [small, large])
    flip(here.loose.path(small), 2)
    [pack] = here.packed.packs.now()
    flip(pack.path, 4_000_000)
    assert depot(wire, here).bring(here, [small, large]).objects == 0
    assert depot(wire, here).bring(here, [small, large], doubtful=True).objects == 2
    assert (here.is_sound(small), here.is_sound(large)) == (True, True)


def test_a_depot_of_a_newer_form_is_refused(wire, here):
    wire.put("remote.json", b'{"format":2}')
    with pytest.raises(DepotNewer, match="format 2"):
        depot(wire, here)
