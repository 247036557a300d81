"""A bucket whose users are killed or cut off: whole, complete, and nothing left over."""

from collections.abc import Iterator

import msgspec
import pytest
from tests.faults.bucket import BucketTown, Harm, bucket_town

IN_A_PACK = Harm(
    number=1,
    act="push",
    line=0,
    direction="request",
    after=3_000_000,
    manner="halt",
    is_kill=True,
    is_large=True,
)
IN_A_SWEEP = Harm(
    number=2, act="gc", line=0, direction="request", after=60_000, manner="halt", is_kill=True, is_large=False
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketTown]:
    with bucket_town(tmp_path_factory.mktemp("bucket")) as made:
        yield made


@pytest.mark.slow
def test_who_is_killed_in_an_upload_or_a_collection_leaves_nothing_but_what_was_told(
    town: BucketTown,
) -> None:
    harms = [town.suffer(each) for each in (IN_A_PACK, IN_A_SWEEP)]
    assert [(each.struck, each.problems) for each in harms] == [(True, []), (True, [])]
    assert town.problems_at_the_end() == []


@pytest.mark.slow
def test_an_upload_in_parts_would_be_left(town: BucketTown) -> None:
    harm = town.suffer(msgspec.structs.replace(IN_A_PACK, number=3, line=1, after=500_000), in_parts=True)
    assert [each for each in harm.problems if "an upload of" in each], harm
