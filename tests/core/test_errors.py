from ropeway.core.errors import Invalid, NotFound


def test_an_error_says_what_what_was_expected_and_what_next() -> None:
    error = Invalid("The bar is 2.", expected="0 to 1", next_step="edit ropeway.toml", bar=2)
    assert str(error) == "The bar is 2.\nexpected 0 to 1\nnext: edit ropeway.toml"
    assert error.to_dict()["facts"] == {"bar": 2}


def test_a_name_that_is_nearly_right_is_offered() -> None:
    error = NotFound("dataset", "twets", ["tweets", "reviews"])
    assert "Did you mean 'tweets'?" in str(error)
    assert error.http_status == 404
