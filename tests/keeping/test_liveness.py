"""Nothing reachable is ever removed, everything else is: whatever has happened before."""

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.keeping.histories import World

from ropeway.keeping.operations import fsck, gc

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
some = st.integers(0, 5)
a_line = st.tuples(st.just("line"), st.sampled_from(["rows", "words"]), some, st.integers(0, 3))
steps = st.one_of(
    a_line,
    a_line,
    st.tuples(st.just("pass_days"), st.integers(1, 40)),
    st.tuples(st.just("arrive"), st.sampled_from(["rows", "words"]), some),
    st.tuples(st.just("start"), st.sampled_from(["rows", "words"]), some, some),
    st.tuples(
        st.just("end"), some, st.sampled_from(["finished", "finished", "failed", "interrupted", "open"])
    ),
    st.tuples(st.just("register"), some, some),
    st.tuples(st.just("move"), some, st.sampled_from(["gate", "approve", "promote", "reject", "retire"])),
    st.tuples(st.just("hold"), st.sampled_from(["model", "run", "dataset"]), some),
    st.tuples(st.just("promise")),
    st.tuples(st.just("cache")),
)
days = st.none() | st.integers(1, 15).map("{}d".format)
policies = st.fixed_dictionaries(
    {
        "dataset_versions": st.none() | st.integers(1, 2),
        "failed_runs": days,
        "superseded_runs": days,
        "candidates": days,
        "retired": days,
    }
).map(lambda policy: {name: value for name, value in policy.items() if value is not None})


@settings(
    max_examples=int(os.environ.get("ROPEWAY_HISTORIES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(policies, st.lists(steps, min_size=10, max_size=30), some)
def test_what_is_reachable_stays_and_all_else_goes(policy, history, shared):
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder) / "project", policy)
        try:
            _live(world, history, shared)
            gc(world.workspace)
            lists = {row.listed for row in _collections(world)}
            assert set(world.workspace.store.digests()) - lists == world.alive()
            assert [finding.what for finding in fsck(world.workspace).findings] == []
            again = gc(world.workspace)
            assert (again.removed, again.dead) == (0, [])
        finally:
            world.close()


def _live(world, history, shared):
    """The history; then litter, some of it just brought, all of which may share members with it."""
    for name, *arguments in history:
        getattr(world, name)(*arguments)
    world.litter(is_young=False, shared=shared)
    world.litter(is_young=True, shared=shared + 1)


def _collections(world):
    from sqlalchemy import select

    from ropeway.keeping.projections import collection

    with world.workspace.ledger.reading() as connection:
        return connection.execute(select(collection)).all()
