"""Collections at a backend without locks: what is marked, what goes, and who comes in between."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.store.depot.test_depot import noise

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.store.backends import Backend, LocalBackend
from ropeway.store.bucket import Bucket, BucketStore, Swept
from ropeway.store.bucket.bucket import SEEN_FOR_S
from ropeway.store.bucket.collect import sweep, unripe
from ropeway.store.bucket.strays import packs_at
from ropeway.store.depot.index import index_blob
from ropeway.store.pack_format import index_of

GRACE = 7_200.0
Machine = Callable[[str], BucketStore]


class Time:
    """What `time` is to the bucket: it moves only when told to."""

    def __init__(self) -> None:
        self.now = 1e9

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr("ropeway.store.bucket.bucket.time", clock)
    return clock


@pytest.fixture
def machine(tmp_path: Path, clock: Time) -> Machine:
    def make(name: str) -> BucketStore:
        def bucket(here: Store) -> Bucket:
            hub = LocalBackend(tmp_path / "hub")
            return Bucket("hub", lambda: hub, here, owner=lambda: "ledger", note_used=lambda: None)

        return BucketStore(tmp_path / name, bucket)

    return make


def collect(store: BucketStore, clock: Time, alive: Iterable[Digest] = ()) -> Swept:
    """As a collection does it: what is alive is what events need, with what trees among it hold."""
    every = set(store.bucket.digests())
    dead = every - closure(store, alive)
    waiting = unripe(store.bucket, dead, before=clock.now - GRACE)
    going = dead - closure(store, waiting)
    return sweep(store.bucket, store._here, dead=dead, may_go=going, now=clock.now, before=clock.now - GRACE)


def closure(store: BucketStore, roots: Iterable[Digest]) -> set[Digest]:
    found, todo = set(roots), list(roots)
    while todo:
        digest = todo.pop()
        if store.may_be_tree(digest) and store.ends(digest)[0].startswith(b"{"):
            new = set(store.read_tree(digest).values()) - found
            found |= new
            todo += new
    return found


def refer(store: BucketStore, digest: Digest) -> None:
    """What an event does before it counts."""
    assert store.renew(digest)
    store.ship([digest])


def shipped(store: BucketStore, data: bytes) -> Digest:
    digest = store.put(data)
    store.ship()
    return digest


def test_what_is_dead_is_marked_first_and_goes_after_the_grace(machine: Machine, clock: Time):
    one = machine("one")
    dead, alive = shipped(one, b"dead"), shipped(one, b"alive")
    assert collect(one, clock, [alive]).marked == 1
    clock.now += GRACE - 1
    assert collect(one, clock, [alive]) == Swept()
    clock.now += 2
    assert collect(one, clock, [alive]).removed == 1
    assert set(machine("two").bucket.digests()) == {alive}
    assert collect(one, clock, [alive]) == Swept(), "nothing is left to do"
    assert dead not in set(one.bucket.digests())


def test_what_is_needed_again_in_time_loses_its_mark(machine: Machine, clock: Time):
    one = machine("one")
    digest = shipped(one, b"needed again")
    collect(one, clock)
    clock.now += GRACE + 1
    assert collect(one, clock, [digest]).removed == 0
    assert one.bucket.has(digest)


@pytest.mark.parametrize("data", [b"small", noise(9_000_000)], ids=["small", "in chunks"])
def test_who_brings_what_is_marked_brings_it_anew_and_keeps_it(machine: Machine, clock: Time, data: bytes):
    one, two = machine("one"), machine("two")
    digest = shipped(one, data)
    collect(one, clock)
    clock.now += GRACE + 1
    # The collector has looked and judged; then somebody brings and refers; then it removes.
    dead = set(one.bucket.digests())
    assert unripe(one.bucket, dead, before=clock.now - GRACE) == set()
    two.put(data)
    refer(two, digest)
    sweep(one.bucket, one._here, dead=dead, may_go=dead, now=clock.now, before=clock.now - GRACE)
    assert machine("three").read(digest) == data


def test_chunks_that_a_new_object_shares_with_a_dead_one_stay(machine: Machine, clock: Time):
    one, two = machine("one"), machine("two")
    head = noise(9_000_000)
    dead = shipped(one, head)
    kept = shipped(two, head + noise(2_000_000, 1))
    collect(one, clock, [kept])
    clock.now += GRACE + 1
    late = shipped(two, head + noise(2_000_000, 2))
    assert collect(one, clock, [kept, late]).removed == 1
    three = machine("three")
    assert {three.size(digest) for digest in (kept, late)} == {11_000_000}
    assert [len(three.read(digest)) for digest in (kept, late)] == [11_000_000] * 2
    assert not three.bucket.holds(dead)


def test_a_member_stays_while_a_tree_that_came_later_may_still_be_named(machine: Machine, clock: Time):
    one, two = machine("one"), machine("two")
    member = shipped(one, b"member")
    two.bucket.look()
    collect(one, clock)
    # It saw no mark, and relied on the member; its tree comes after the mark, and is young when that is ripe.
    two.put(b"member")
    tree = two.put_tree({"a": member})
    two.ship()
    clock.now += GRACE + 1
    collect(one, clock)
    refer(machine("three"), tree)
    assert machine("four").read_tree(tree) == {"a": member}
    assert machine("four").read(member) == b"member"


def test_who_has_seen_another_state_of_the_packs_looks_again(machine: Machine, clock: Time):
    one, two = machine("one"), machine("two")
    kept, dead = one.put(b"kept"), one.put(b"dead")
    one.ship()
    assert two.bucket.has(kept)
    collect(one, clock, [kept])
    clock.now += GRACE + 1
    collect(one, clock, [kept])
    assert two.read(kept) == b"kept", "its pack has been written anew meanwhile"
    assert not two.renew(dead)


def stray(store: BucketStore) -> str:
    """What somebody who is killed between a pack and its index leaves there."""
    depot, before = store.bucket.look(), packs_at(store.bucket.look())
    store.put(b"cut off")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depot.backend, "put", broken_off_at_an_index(depot.backend))
        with pytest.raises(InterruptedError):
            store.ship()
    [pack] = packs_at(depot).keys() - before.keys()
    return pack


def broken_off_at_an_index(backend: Backend) -> Callable[..., None]:
    put = backend.put

    def act(name: str, data: bytes | memoryview | Path) -> None:
        if name.endswith(".idx"):
            raise InterruptedError
        put(name, data)

    return act


def test_a_pack_that_no_index_names_goes_after_the_grace(machine: Machine, clock: Time):
    one, two = machine("one"), machine("two")
    alive = shipped(one, b"alive")
    pack = stray(two)
    collect(one, clock, [alive])
    clock.now += GRACE - 1
    collect(one, clock, [alive])
    assert pack in packs_at(one.bucket.look())
    clock.now += 2
    assert collect(one, clock, [alive]).freed_bytes > 0
    assert packs_at(one.bucket.look()).keys() == one.bucket.look().index.packs.keys()
    assert not [name for name in one.bucket.look().index.notes if name.endswith(".going")]


def test_a_pack_whose_index_comes_late_stays(machine: Machine, clock: Time):
    one, two = machine("one"), machine("two")
    pack = stray(two)
    collect(one, clock)
    two.ship()
    depot = two.bucket.look()
    depot.backend.put(index_blob(pack), index_of(next(iter(depot.index.packs.values()))))
    clock.now += GRACE + 1
    collect(one, clock, [digest_bytes(b"cut off")])
    assert pack in packs_at(one.bucket.look())


class People:
    """Some who put, refer, forget and collect in any order, and what they rely on."""

    def __init__(self, machine: Machine, clock: Time, chance: random.Random) -> None:
        self.machine, self.clock, self.chance = machine, clock, chance
        self.stores = [machine(name) for name in ("one", "two", "three")]
        self.eye = machine("eye")
        self.needed: set[Digest] = set()

    def text(self) -> bytes:
        return f"object {self.chance.randrange(6)}".encode()

    def put(self, store: BucketStore) -> None:
        digest = store.put(self.text())
        if self.chance.random() < 0.5:
            store.ship()
        if self.chance.random() < 0.5:
            self.refer(store, digest)

    def put_tree(self, store: BucketStore) -> None:
        self.refer(store, store.put_tree({str(at): store.put(self.text()) for at in range(2)}))

    def name(self, store: BucketStore) -> None:
        digest = digest_bytes(self.text())
        if store.renew(digest):
            self.refer(store, digest)

    def refer(self, store: BucketStore, digest: Digest) -> None:
        refer(store, digest)
        self.needed.add(digest)

    def give_up(self, _store: BucketStore) -> None:
        if self.needed:
            self.needed.discard(self.chance.choice(sorted(self.needed)))

    def wait(self, _store: BucketStore) -> None:
        self.clock.now += self.chance.choice([SEEN_FOR_S / 2, GRACE / 3, GRACE])

    def drop_copies(self, store: BucketStore) -> None:
        store._here.remove(list(store.copies()))
        store._waiting.clear()

    def open_again(self, store: BucketStore) -> None:
        self.stores[self.stores.index(store)] = self.machine(store.scratch.parent.name)

    def collect(self, store: BucketStore) -> None:
        collect(store, self.clock, self.needed)
        self.eye._here.remove(list(self.eye.copies()))
        self.eye.bucket.look()
        for digest in closure(self.eye, self.needed):
            assert digest_bytes(self.eye.read(digest)) == digest


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_between_nothing_that_is_referred_to_is_lost(
    machine: Machine, clock: Time, seed: int
) -> None:
    chance = random.Random(seed)
    people = People(machine, clock, chance)
    acts = [people.put, people.put_tree, people.name, people.give_up, people.wait, people.collect]
    acts += [people.wait, people.drop_copies, people.open_again]
    for _ in range(60):
        chance.choice(acts)(chance.choice(people.stores))
    people.collect(people.stores[0])
