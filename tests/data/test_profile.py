import polars as pl

from ropeway.data.profile import profile_of


def column(**columns):
    return profile_of(pl.DataFrame(columns, strict=False)).columns[0]


def test_numbers_get_their_range_mean_and_bins():
    found = column(age=[1, 2, 3, None, 12])
    assert (found.kind, found.nulls, found.distinct) == ("integer", 1, 4)
    assert (found.min, found.max, found.mean) == (1, 12, 4.5)
    assert sum(found.bins) == 4
    assert len(found.bins) == 12


def test_text_gets_lengths_and_its_most_frequent_values():
    found = column(city=["Bern", "Bern", "Rome", "Paris"])
    assert (found.of, found.min, found.max) == ("characters", 4, 5)
    assert [(top.value, top.count) for top in found.top] == [("Bern", 2), ("Paris", 1), ("Rome", 1)]


def test_values_that_come_once_each_have_no_top():
    assert column(id=["a", "b", "c"]).top == []


def test_lists_are_described_by_their_items():
    found = column(ratings=[[1, 2], [3], [-4, 4]])
    assert (found.of, found.min, found.max, found.lengths) == ("items", -4, 4, "1 to 2")


def test_not_a_number_and_infinity_do_not_spoil_the_figures():
    found = column(x=[1.0, float("nan"), float("inf"), 3.0])
    assert (found.nulls, found.min, found.max, found.mean) == (1, 1, 3, 2)


def test_a_column_without_values_has_no_figures():
    found = column(x=[None, None])
    assert (found.nulls, found.of, found.mean) == (2, "", None)


def test_truths_dates_and_structs_are_described_as_far_as_possible():
    frame = pl.DataFrame({"yes": [True, False, True], "nested": [{"a": 1}, {"a": 2}, None]})
    yes, nested = profile_of(frame).columns
    assert yes.top[0].value == "true"
    assert nested.nulls == 1


def test_a_short_scale_of_whole_numbers_gets_a_bin_for_each():
    assert column(n=[-1, 0, 0, 2]).bins == [1, 2, 0, 1]
    assert len(column(n=list(range(12))).bins) == 12


def test_a_column_may_be_called_as_our_own_counts_are():
    assert profile_of(pl.DataFrame({"count": [1, 1, 2]})).columns[0].top[0].count == 2
