"""Hold a version against its contract file and the project's checks, as they now stand."""

from ropeway.data.add import known_kinds, last_contract
from ropeway.data.checks import run_checks
from ropeway.data.contract import violations
from ropeway.data.contract_file import read_contract, write_contract
from ropeway.data.errors import ContractMissing, DatasetNotFound
from ropeway.data.kinds import kinds
from ropeway.data.load import load, resolve
from ropeway.data.operations import list_datasets, record_check
from ropeway.data.records import DatasetVersion
from ropeway.data.standing import contract_name
from ropeway.workspace import Workspace


def check_version(workspace: Workspace, reference: str) -> DatasetVersion:
    """Check a version again, and put on record what was found.

    Types are read anew as the contract says: a column that was taken for whole numbers becomes text when
    somebody has corrected the file.

    Raises:
        DatasetNotFound: no version answers to the reference.
        ContractMissing, ContractFileBroken: the contract's file is not there as it should be.
        CheckRaised: one of the project's own checks cannot be run.
    """
    version = resolve(workspace, reference)
    standing = read_contract(workspace.root, version.name)
    if standing is None:
        raise ContractMissing(version.name, contract_name(version.name))
    contract, text = standing
    frame = load(workspace, version, kinds={**version.columns, **known_kinds(contract)})
    checks = run_checks(
        workspace.root / workspace.project.project.checks, version.name, frame, key=contract.unique
    )
    return record_check(
        workspace,
        name=version.name,
        version=version.version,
        contract=workspace.store.put(text.encode()),
        columns=kinds(frame),
        violations=violations(frame, contract),
        checks=checks,
    )


def contract_text(workspace: Workspace, name: str) -> tuple[str, bool]:
    """The text of a dataset's contract file; a file that is gone is written again as last recorded.

    Returns:
        The text, and whether the file had to be written.
    """
    standing = read_contract(workspace.root, name)
    if standing is not None:
        return standing[1], False
    recorded = last_contract(workspace, name)
    if recorded is None:
        raise DatasetNotFound(name, [summary.latest.name for summary in list_datasets(workspace)])
    write_contract(workspace.root, workspace.home / "tmp", name, recorded)
    return recorded, True
