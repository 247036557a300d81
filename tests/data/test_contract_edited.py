"""A verdict holds for the contract that it was given under; an edited one is asked for again."""

import pytest

from ropeway.data.add import add
from ropeway.data.errors import ContractChanged, ContractFileBroken, ContractViolated
from ropeway.data.load import require_trainable, resolve
from ropeway.data.operations import list_datasets
from ropeway.data.recheck import check_version

CSV = "id,age\n" + "".join(f"{number},{20 + number % 30}\n" for number in range(200))


@pytest.fixture
def people(workspace, tmp_path):
    (tmp_path / "people.csv").write_text(CSV)
    return add(workspace, tmp_path / "people.csv").version


@pytest.fixture
def contract(workspace, people):
    return workspace.root / "contracts" / "people.toml"


def test_an_edited_contract_keeps_a_version_from_training_until_it_is_checked(workspace, contract):
    require_trainable(resolve(workspace, "people"))
    contract.write_text(contract.read_text().replace("max = ", "max = 30 # "))
    with pytest.raises(ContractChanged, match=r"(?s)people\.toml changed .*ropeway data check people@v1"):
        require_trainable(resolve(workspace, "people"))
    assert not list_datasets(workspace)[0].latest.is_trainable
    assert not check_version(workspace, "people").contract_edited
    with pytest.raises(ContractViolated, match="expected 0 to 30"):
        require_trainable(resolve(workspace, "people"))


def test_a_broken_contract_is_not_passed_over(workspace, contract):
    contract.write_text("columns = [")
    with pytest.raises(ContractChanged, match="changed since"):
        require_trainable(resolve(workspace, "people"))
    with pytest.raises(ContractFileBroken, match=r"people\.toml' cannot be understood"):
        check_version(workspace, "people")


def test_the_same_contract_in_another_editors_bytes_is_not_an_edit(workspace, contract):
    contract.write_bytes(b"\xef\xbb\xbf" + contract.read_bytes().replace(b"\n", b"\r\n"))
    require_trainable(resolve(workspace, "people"))


def test_without_the_file_the_recorded_verdict_stands(workspace, contract):
    contract.unlink()
    require_trainable(resolve(workspace, "people"))


def test_bringing_the_same_file_again_says_that_its_contract_was_edited(workspace, contract, tmp_path):
    contract.write_text(contract.read_text() + "# reviewed\n")
    assert add(workspace, tmp_path / "people.csv").version.contract_edited
