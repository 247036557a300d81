"""Whatever a client of MLflow can ask is answered, or is on the list of what is not here."""

from pathlib import Path

import pytest

from ropeway.server.mlflow.absent import ABSENT, instead_of
from ropeway.server.mlflow.errors import NotOffered, status_of
from ropeway.server.mlflow.routes import find

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
RECORDED = [each.split() for each in (HERE / "recorded_routes.txt").read_text(encoding="utf-8").splitlines()]


def test_the_routes_are_those_of_the_clients_that_are_tested() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    versions = {version for version, _, _ in RECORDED}
    assert len(versions) == 2
    assert [each for each in versions if f"'mlflow-skinny=={each}'" not in makefile] == []


def test_what_a_client_asks_is_answered_or_told_to_be_absent() -> None:
    met = set()
    for version, method, path in RECORDED:
        rest = path[len("/api/2.0") :]
        if instead_of(rest):
            met.add(next(start for start in ABSENT if rest.startswith(start)))
            with pytest.raises(NotOffered, match="does not offer") as told:
                find(method, path)
            assert status_of(told.value) == 501
        else:
            assert find(method, path)[0].method == method, version
    assert met == set(ABSENT)


def test_the_docs_list_what_is_absent() -> None:
    page = (ROOT / "docs" / "mlflow.md").read_text(encoding="utf-8")
    assert [start for start in ABSENT if f"`{start.removeprefix('/')}…`" not in page] == []
