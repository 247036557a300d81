import random

import polars as pl
import pytest

from ropeway.data.contract import ColumnRule, Contract, violations
from ropeway.data.contract_file import parse_contract, render_contract
from ropeway.data.errors import ContractFileBroken
from ropeway.data.infer import infer_contract


def orders(rows=400, seed=1):
    drawn = random.Random(seed)
    return pl.DataFrame(
        {
            "id": [f"o{seed}-{number}" for number in range(rows)],
            "amount": [round(drawn.lognormvariate(3, 1), 2) for _ in range(rows)],
            "change": [drawn.gauss(0, 2) for _ in range(rows)],
            "channel": [drawn.choice(["web", "shop", "phone"]) for _ in range(rows)],
            "city": [f"city {drawn.randrange(60)}" for _ in range(rows)],
            "score": [drawn.randrange(-2, 3) for _ in range(rows)],
            "note": [drawn.choice([None, "late", "a long remark"]) for _ in range(rows)],
            "ratings": [[drawn.randrange(1, 6) for _ in range(4)] for _ in range(rows)],
        }
    )


def inferred(frame, **options):
    return infer_contract(frame, **options).contract


def only(found):
    assert len(found) == 1, found
    return found[0]


def test_what_a_contract_was_inferred_from_keeps_it():
    assert violations(orders(), inferred(orders())) == []


@pytest.mark.parametrize("seed", range(2, 12))
def test_honest_new_data_keeps_it_too(seed):
    assert violations(orders(rows=600, seed=seed), inferred(orders())) == []


def test_inference_sets_types_key_ranges_and_categories():
    contract = inferred(orders())
    assert contract.unique == ["id"]
    assert contract.columns["id"] == ColumnRule(type="text", nulls=0)
    assert contract.columns["channel"].categories == ["phone", "shop", "web"]
    assert contract.columns["city"].categories is None
    assert contract.columns["amount"].min == 0
    assert contract.columns["amount"].max > orders()["amount"].max() * 1.5
    assert contract.columns["change"].min < orders()["change"].min()
    assert (contract.columns["score"].min, contract.columns["score"].max) == (-2, 2)
    assert contract.columns["ratings"] == ColumnRule(type="list[integer]", nulls=0, min=1, max=5)
    assert 0.5 < contract.columns["note"].nulls < 1


def test_few_rows_fix_only_names_types_and_key():
    contract = inferred(orders(rows=30))
    assert contract.columns["amount"] == ColumnRule(type="number")
    assert contract.columns["channel"] == ColumnRule(type="text")
    assert contract.columns["id"].nulls == 0


def test_a_category_seen_once_means_that_there_may_be_others():
    frame = pl.DataFrame({"kind": ["a"] * 100 + ["b"] * 100 + ["rare"]})
    assert inferred(frame).columns["kind"].categories is None


def test_whole_numbers_with_gaps_are_no_scale():
    rule = inferred(pl.DataFrame({"raters": [20, 95, 96, 97] * 50})).columns["raters"]
    assert (rule.min, rule.max) == (0, 180)


def test_numbers_that_name_rows_get_no_range():
    frame = pl.DataFrame({"order": list(range(1000, 1200)), "x": [1.0] * 200})
    assert inferred(frame).columns["order"].max is None


def test_a_column_without_values_may_hold_anything_later():
    contract = inferred(pl.DataFrame({"a": [None, None], "b": [1, 2]}))
    assert violations(pl.DataFrame({"a": [1.5], "b": [2]}), contract) == []


def test_a_key_named_by_the_project_is_demanded_even_if_the_rows_break_it():
    frame = pl.DataFrame({"code": ["x", "y", "x", None]})
    found = violations(frame, inferred(frame, key=["code"]))
    assert [(one.rule, one.rows) for one in found] == [("nulls", [4]), ("unique", [4]), ("unique", [1, 3])]
    assert "'x' twice" in found[2].sentence


def broken(**columns):
    return orders().with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def test_a_value_out_of_range_is_named_with_its_rows():
    amounts = orders()["amount"].to_list()
    amounts[2] = amounts[6] = -5.0
    found = only(violations(broken(amount=amounts), inferred(orders())))
    assert (found.column, found.rule, found.rows, found.count) == ("amount", "range", [3, 7], 2)
    assert "expected 0 to" in found.sentence
    assert found.sentence.endswith("got -5.0 (rows 3, 7)")


def test_an_unknown_category_is_named():
    channels = orders()["channel"].to_list()
    channels[0] = "fax"
    found = only(violations(broken(channel=channels), inferred(orders())))
    assert found.sentence == "column 'channel': expected one of phone, shop, web, got 'fax' (row 1)"


def test_an_item_of_a_list_out_of_range_is_named():
    ratings = orders()["ratings"].to_list()
    ratings[9] = [1, 2, 9]
    assert only(violations(broken(ratings=ratings), inferred(orders()))).rows == [10]


def test_text_where_numbers_are_due_names_the_values_that_are_none():
    amounts = [str(amount) for amount in orders()["amount"]]
    amounts[4] = "twelve"
    found = only(violations(broken(amount=amounts), inferred(orders())))
    assert found.sentence == "column 'amount': expected number, got 'twelve' (row 5)"


def test_a_column_of_another_type_is_named():
    found = only(violations(broken(channel=[True] * 400), inferred(orders())))
    assert found.sentence == "column 'channel': expected text, got boolean"


def test_whole_numbers_are_numbers():
    assert violations(broken(amount=[5] * 400), inferred(orders())) == []


def test_missing_values_and_not_a_number_count_against_the_share():
    amounts = orders()["amount"].to_list()
    amounts[0], amounts[1] = None, float("nan")
    found = only(violations(broken(amount=amounts), inferred(orders())))
    assert found.sentence == "column 'amount': expected a value in each row, got 2 missing (rows 1, 2)"


def test_missing_and_unexpected_columns_are_named():
    frame = orders().drop("city").with_columns(extra=pl.lit(1))
    found = violations(frame, inferred(orders()))
    assert [(one.column, one.rule) for one in found] == [("city", "missing"), ("extra", "unexpected")]


def test_too_few_rows_are_a_violation():
    contract = Contract(columns={"a": ColumnRule()}, min_rows=3)
    assert only(violations(pl.DataFrame({"a": [1]}), contract)).sentence == "expected 3 rows or more, got 1"


def test_a_key_of_two_columns_is_judged_together():
    contract = Contract(columns={"a": ColumnRule(), "b": ColumnRule()}, unique=["a", "b"])
    assert violations(pl.DataFrame({"a": [1, 1], "b": [1, 2]}), contract) == []
    assert only(violations(pl.DataFrame({"a": [1, 1], "b": [2, 2]}), contract)).column == "a+b"


def test_the_file_says_what_the_contract_says():
    first = infer_contract(orders())
    text = render_contract("orders", first, 400)
    assert parse_contract(text, "contracts/orders.toml") == first.contract
    assert "none of them rarely" in text


def test_awkward_names_survive_the_file():
    frame = pl.DataFrame({'a "b"\\': ["x\x7f\n", "x\x7f\n"] * 60, "größe (cm)": [1] * 120, "a.b": [2] * 120})
    first = infer_contract(frame)
    assert parse_contract(render_contract("odd", first, 120), "contracts/odd.toml") == first.contract


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = 3", "Expected `object`, got `int`"),
        ('[columns.a]\ncategory = ["x"]', "(?s)unknown field `category`.*Did you mean 'categories'"),
        ("[columns.a]\nnulls = 5", "is a share"),
        ("[columns", "cannot be understood"),
        ("unique = []", "missing required field `columns`"),
    ],
)
def test_a_broken_contract_file_is_explained(text, message):
    with pytest.raises(ContractFileBroken, match=message):
        parse_contract(text, "contracts/orders.toml")
