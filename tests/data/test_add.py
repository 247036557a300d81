import subprocess
import sys

import polars as pl
import pytest

from ropeway.data.add import add, name_from
from ropeway.data.errors import BadName, ContractMissing, ContractViolated, DatasetNotFound
from ropeway.data.load import load, require_trainable, resolve
from ropeway.data.operations import find_version, list_datasets, list_versions, profile
from ropeway.data.recheck import check_version, contract_text

CSV = "id,city,age\n" + "".join(
    f"{number},{('Bern', 'Rome')[number % 2]},{20 + number % 30}\n" for number in range(200)
)


@pytest.fixture
def bring(workspace, tmp_path):
    def write_and_add(content=CSV, file="people.csv", **options):
        path = tmp_path / file
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return add(workspace, path, **options)

    return write_and_add


def test_a_file_becomes_the_first_version(bring, workspace):
    arrival = bring(source="the town hall", bringer="Nora")
    version = arrival.version
    assert arrival.is_new
    assert arrival.contract_inferred
    assert (version.name, version.ordinal, version.rows) == ("people", 1, 200)
    assert version.columns == {"id": "integer", "city": "text", "age": "integer"}
    assert list(version.columns) == ["id", "city", "age"]
    assert (version.source, version.bringer, version.by) == ("the town hall", "Nora", "ana")
    assert version.contract_ok
    assert workspace.store.read(version.version) == CSV.encode()
    assert load(workspace, version).height == 200


def test_the_source_and_bringer_default_to_file_and_caller(bring):
    assert (bring().version.source, bring().version.bringer) == ("people.csv", "ana")


def test_the_same_content_is_the_same_version(bring, workspace):
    first, again = bring(), bring(file="copy.csv", name="people")
    assert not again.is_new
    assert again.version == first.version
    assert len(list_versions(workspace, name="people")) == 1


def test_versions_answer_to_name_ordinal_and_digest(bring, workspace):
    first, second = bring().version, bring(CSV + "900,Bern,21\n").version
    assert second.ordinal == 2
    for reference in (
        "people",
        "people@latest",
        "people@v2",
        f"people@{second.version[:8]}",
        second.reference,
    ):
        assert resolve(workspace, reference) == second
    assert resolve(workspace, "people@v1") == first
    assert [(found.latest.name, found.versions) for found in list_datasets(workspace)] == [("people", 2)]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("peple", "Did you mean 'people'"),
        ("people@v7", "no dataset 'people@v7'"),
        ("people@abc", "no dataset"),
    ],
)
def test_an_unknown_reference_is_refused(bring, workspace, reference, message):
    bring()
    with pytest.raises(DatasetNotFound, match=message) as caught:
        resolve(workspace, reference)
    assert caught.value.code == "dataset-not-found"


def test_an_empty_project_says_how_to_bring_data(workspace):
    with pytest.raises(DatasetNotFound, match="ropeway data add FILE"):
        resolve(workspace, "people")


def test_a_version_that_breaks_the_contract_is_kept_and_cannot_train(bring, workspace):
    require_trainable(bring().version)
    broken = bring(
        CSV.replace("\n7,Rome,27\n", "\n7,Rome,400\n").replace("\n9,Rome,29", "\n9,Oslo,29")
    ).version
    assert broken.ordinal == 2
    assert not broken.contract_ok
    assert [violation.column for violation in broken.violations] == ["city", "age"]
    with pytest.raises(
        ContractViolated,
        match=r"(?s)column 'city': expected one of Bern, Rome, got 'Oslo' \(row 10\).*400 \(row 8\)",
    ) as caught:
        require_trainable(broken)
    assert caught.value.code == "contract-violated"
    assert resolve(workspace, "people") == broken


def test_wrong_column_types_are_a_violation_with_rows(bring):
    bring()
    broken = bring(CSV.replace("\n3,Rome,23", "\n3,Rome,young")).version
    assert [violation.sentence for violation in broken.violations] == [
        "column 'age': expected integer, got 'young' (row 4)"
    ]


def test_a_reviewed_contract_heals_a_version_when_it_is_checked_again(bring, workspace):
    bring()
    bring(CSV.replace("\n9,Rome,29", "\n9,Oslo,29"))
    file = workspace.root / "contracts" / "people.toml"
    file.write_text(file.read_text().replace('["Bern", "Rome"]', '["Bern", "Oslo", "Rome"]'))
    version = check_version(workspace, "people")
    assert version.contract_ok
    require_trainable(resolve(workspace, "people"))


def test_checking_again_reads_types_as_the_contract_now_says(bring, workspace):
    bring()
    file = workspace.root / "contracts" / "people.toml"
    before, _, after = file.read_text().partition("[columns.id]\n")
    file.write_text(before + "[columns.id]\n" + after.replace('"integer"', '"text"', 1))
    version = check_version(workspace, "people")
    assert version.contract_ok
    assert load(workspace, version).schema["id"] == pl.String


def test_a_contract_written_beforehand_is_enforced_on_the_first_arrival(bring, workspace):
    (workspace.root / "contracts").mkdir()
    (workspace.root / "contracts" / "people.toml").write_text(
        '[columns.id]\ntype = "text"\n[columns.city]\n[columns.age]\nmax = 30\n'
    )
    arrival = bring()
    assert not arrival.contract_inferred
    assert arrival.version.columns["id"] == "text"
    assert [violation.rule for violation in arrival.version.violations] == ["range"]


def test_a_contract_that_is_gone_is_asked_for(bring, workspace):
    bring()
    file = workspace.root / "contracts" / "people.toml"
    written = file.read_text()
    file.unlink()
    with pytest.raises(ContractMissing, match=r"ropeway data contract people"):
        bring(CSV + "900,Bern,21\n")
    assert contract_text(workspace, "people") == (written, True)
    assert file.read_text() == written
    assert bring(CSV + "900,Bern,21\n").version.ordinal == 2


def test_a_new_contract_can_be_inferred_on_demand(bring, workspace):
    bring()
    strange = CSV.replace("Bern", "Oslo")
    assert not bring(strange).version.contract_ok
    arrival = bring(strange, new_contract=True)
    assert arrival.contract_inferred
    assert arrival.version.contract_ok
    assert resolve(workspace, "people").contract_ok


def test_the_key_of_the_project_file_is_enforced(project, tmp_path):
    workspace = project('[project]\nname = "trial"\n[inputs.rows]\ndataset = "people"\nkey = "city"\n')
    (tmp_path / "people.csv").write_text(CSV)
    version = add(workspace, tmp_path / "people.csv").version
    assert [(found.column, found.rule) for found in version.violations] == [("city", "unique")]


def test_checks_of_the_project_are_run_and_recorded(project, tmp_path):
    code = (
        "from ropeway import check\n"
        '@check("people", severity="warn")\ndef young(rows):\n    return rows.filter(rows["age"] < 21)\n'
        '@check("people")\ndef none(rows):\n    return rows[:0]\n'
    )
    workspace = project(**{"checks.py": code})
    (tmp_path / "people.csv").write_text(CSV)
    version = add(workspace, tmp_path / "people.csv").version
    assert [(found.name, found.offending) for found in version.checks] == [("young", 7), ("none", 0)]
    assert version.checks[0].examples == ["0", "30", "60", "90", "120"]
    require_trainable(version)


def test_a_failed_check_keeps_a_version_from_training(project, tmp_path):
    code = (
        'from ropeway import check\n@check("people")\n'
        'def no_rome(rows):\n    return rows.filter(rows["city"] == "Rome")\n'
    )
    workspace = project(**{"checks.py": code})
    (tmp_path / "people.csv").write_text(CSV)
    version = add(workspace, tmp_path / "people.csv").version
    with pytest.raises(Exception, match="fails the project's check: no_rome") as caught:
        require_trainable(version)
    assert caught.value.code == "checks-failed"


def test_parquet_and_json_lines_load_as_they_came(bring, workspace, tmp_path):
    frame = pl.DataFrame({"id": ["a", "b"], "ratings": [[1, 2], [3]]})
    frame.write_parquet(tmp_path / "rows.parquet")
    frame.write_ndjson(tmp_path / "lines.jsonl")
    for name in ("rows.parquet", "lines.jsonl"):
        version = add(workspace, tmp_path / name).version
        assert load(workspace, version).equals(frame)
        assert version.columns == {"id": "text", "ratings": "list[integer]"}


def test_the_profile_is_kept_with_the_version(bring, workspace):
    bring()
    kept = profile(workspace, reference="people@v1")
    assert [column.name for column in kept.columns] == ["id", "city", "age"]
    assert kept.columns[2].max == 49


def test_a_bad_name_is_refused_before_anything_is_kept(bring, workspace):
    with pytest.raises(BadName, match="cannot be a dataset's name"):
        bring(name="../people")
    assert list(workspace.store.digests()) == []


@pytest.mark.parametrize(("file", "name"), [("Tweets 2026.csv", "tweets-2026"), ("a.b.csv", "a-b")])
def test_a_name_is_made_of_the_files_name(tmp_path, file, name):
    assert name_from(tmp_path / file) == name


def test_a_replay_gives_the_same_tables(bring, workspace):
    from ropeway.ledger.projections import projected_rows

    bring()
    bring(CSV.replace("\n9,Rome,29", "\n9,Oslo,29"))
    check_version(workspace, "people")
    with workspace.ledger.reading() as connection:
        before = projected_rows(connection)
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        assert projected_rows(connection) == before
    assert before["dataset_version"]


def test_nothing_heavy_is_imported_by_the_operations():
    code = "import ropeway.data.operations, sys; assert not {'polars', 'numpy'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_version_is_found_by_its_exact_digest(bring, workspace):
    version = bring().version
    assert find_version(workspace, name="people", version=version.version) == version
    assert find_version(workspace, name="people", version="0" * 64) is None
