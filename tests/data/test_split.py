import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.data.split import Rows, assign_parts, part_at, place

SHARES = {"salt": "s", "train": 0.6, "tune": 0.2}


def parts(keys, known=None, **rest):
    return assign_parts(Rows(keys, **rest), known or {}, **SHARES)


def test_a_key_has_one_place_for_ever():
    # Golden: released splits depend on these numbers.
    assert place("1", "42") == 0.9627020826485323
    assert place("1", 42) == place("1", "42")
    assert place("2", "42") != place("1", "42")


def test_places_are_spread_evenly():
    counts = Counter(int(place("s", number) * 10) for number in range(20_000))
    assert all(1_850 < counts[tenth] < 2_150 for tenth in range(10))


def test_shares_come_out_as_asked():
    counts = Counter(parts(list(range(10_000))).parts)
    assert 5_850 < counts["train"] < 6_150
    assert 1_900 < counts["tune"] < 2_100


def test_bounds_belong_to_the_next_part():
    assert [part_at(at, train=0.6, tune=0.2) for at in (0.0, 0.59, 0.6, 0.79, 0.8, 0.999)] == [
        "train",
        "train",
        "tune",
        "tune",
        "test",
        "test",
    ]


def test_near_duplicates_go_together_and_share_a_cluster():
    texts = ["So glad to be home!", "so glad to be home", "another text"]
    found = parts(["b", "a", "c"], texts=texts)
    assert found.parts[0] == found.parts[1]
    assert found.clusters == ["a", "a", "c"]


def test_members_of_a_group_go_together():
    found = parts(list(range(1000)), groups=[number % 40 for number in range(1000)])
    assert all(len({found.parts[index] for index in range(start, 1000, 40)}) == 1 for start in range(40))


def test_rows_without_a_group_stand_alone():
    assert len(set(parts(list(range(60)), groups=[None] * 60).clusters)) == 60


def test_a_known_key_keeps_its_part_whatever_its_text_becomes():
    found = parts(["a", "b"], known={"a": "test", "b": "train"}, texts=["same words here", "same words here"])
    assert found.parts == ["test", "train"]


def test_a_new_near_duplicate_follows_its_original():
    for part in ("train", "tune", "test"):
        found = parts(["new", "old"], known={"old": part}, texts=["good day to you", "Good day to you!"])
        assert found.parts == [part, part]
        assert (found.followed, found.bridged) == (1, 0)


def test_a_new_row_between_two_parts_never_trains():
    found = parts(["a", "b", "new"], known={"a": "train", "b": "test"}, texts=["hi there you"] * 3)
    assert found.parts == ["train", "test", "test"]
    assert found.bridged == 1


texts = st.lists(
    st.sampled_from(["good day to you", "Good day to you!", "bad day", "so sad", "", "other"]), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(texts=texts, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(texts, seed):
    keys = [f"k{number}" for number in range(len(texts))]
    shuffled = list(zip(keys, texts, strict=True))
    random.Random(seed).shuffle(shuffled)
    straight = dict(zip(keys, parts(keys, texts=texts).parts, strict=True))
    mixed_keys = [key for key, _ in shuffled]
    mixed = parts(mixed_keys, texts=[text for _, text in shuffled]).parts
    assert straight == dict(zip(mixed_keys, mixed, strict=True))


@settings(max_examples=100, deadline=None)
@given(first=texts, second=texts)
def test_later_rows_move_no_earlier_one_and_share_no_text_across_parts(first, second):
    keys = [f"k{number}" for number in range(len(first) + len(second))]
    early = parts(keys[: len(first)], texts=first)
    known = dict(zip(keys, early.parts, strict=False))
    late = parts(keys, known=known, texts=first + second)
    assert late.parts[: len(first)] == early.parts
    by_text = {}
    for text, part in zip(first + second, late.parts, strict=True):
        if text:
            by_text.setdefault(text.strip("!").lower(), set()).add(part)
    assert all(len(found) == 1 for found in by_text.values())
