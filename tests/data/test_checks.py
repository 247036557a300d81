import polars as pl
import pytest

from ropeway.data.checks import check, run_checks
from ropeway.data.errors import CheckRaised

ROWS = pl.DataFrame({"id": ["a", "b", "c"], "n": [1, -2, -3]})
HEAD = "import polars as pl\nfrom ropeway import check\n"


@pytest.fixture
def checks(tmp_path):
    def run(code, dataset="orders", **options):
        file = tmp_path / "checks.py"
        file.write_text(HEAD + code)
        return run_checks(file, dataset, ROWS, **options)

    return run


def test_a_check_gives_its_offending_rows_by_key(checks):
    code = '@check("orders", severity="warn")\ndef negative(rows):\n    """Orders below zero."""\n'
    result = checks(code + "    return rows.filter(pl.col('n') < 0)\n", key=["id"])
    assert len(result) == 1
    assert (result[0].name, result[0].severity, result[0].offending) == ("negative", "warn", 2)
    assert result[0].about == "Orders below zero."
    assert result[0].examples == ["b", "c"]
    assert not result[0].passed


def test_only_the_checks_of_the_dataset_run(checks):
    code = (
        '@check("other")\ndef f(rows):\n    raise ValueError\n'
        '@check("orders", "other")\ndef g(rows):\n    return rows[:0]\n'
    )
    assert [result.name for result in checks(code)] == ["g"]


def test_a_check_may_be_lazy_and_may_drop_the_key(checks):
    code = '@check("orders")\ndef f(rows):\n    return rows.lazy().select("n")\n'
    assert checks(code, key=["id"])[0].offending == 3
    assert checks(code, key=["id"])[0].examples == []


def test_checks_may_import_modules_beside_them(checks, tmp_path):
    (tmp_path / "limits_of_this_project.py").write_text("LOWEST = 0\n")
    code = (
        "from limits_of_this_project import LOWEST\n"
        '@check("orders")\ndef f(rows):\n    return rows.filter(rows["n"] < LOWEST)\n'
    )
    assert checks(code)[0].offending == 2


def test_a_project_without_checks_has_none(tmp_path):
    assert run_checks(tmp_path / "checks.py", "orders", ROWS) == []


def test_a_check_that_raises_is_named_with_its_line(checks):
    with pytest.raises(
        CheckRaised, match=r"'f' could not be done \(checks.py:5\): ColumnNotFoundError"
    ) as caught:
        checks('@check("orders")\ndef f(rows):\n    return rows["missing"]\n')
    assert caught.value.code == "check-raised"


def test_a_check_that_returns_no_frame_is_named(checks):
    with pytest.raises(CheckRaised, match="it returned bool, not a frame"):
        checks('@check("orders")\ndef f(rows):\n    return True\n')


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def (", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("@check\ndef f(rows): ...", "needs the name"),
    ],
)
def test_checks_that_cannot_be_loaded_are_explained(checks, code, message):
    with pytest.raises(CheckRaised, match=message):
        checks(code)


def test_a_check_stays_an_ordinary_function():
    @check("orders")
    def positive(rows):
        return rows.filter(rows["n"] > 0)

    assert positive(ROWS).height == 1


def test_a_severity_must_be_known():
    with pytest.raises(TypeError, match="severity"):
        check("orders", severity="fatal")
