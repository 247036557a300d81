"""What no client of MLflow's sends: refused in its shape or kept as text; no 500, no file opened by it."""

from pathlib import Path

import pytest
from tests.attacks import schemas
from tests.attacks.seed import seeded
from tests.attacks.test_traversal import told_by


@pytest.mark.slow
def test_no_field_of_a_route_of_mlflow_breaks_the_server_or_names_a_file() -> None:
    with seeded() as draw:
        said = told_by("tests.attacks.tracks", "--every", "90", "--seed", str(draw.randrange(10**6)))
        assert said["wrong"] == []
        assert said["requests"] > 500


@pytest.mark.slow
def test_nothing_that_the_openapi_allows_of_mlflow_is_answered_with_a_server_error(tmp_path: Path) -> None:
    if not schemas.PROGRAM.exists():
        pytest.skip(f"there is no Schemathesis here: {schemas.MADE_BY}")
    with seeded() as draw:
        found = schemas.try_schema(
            tmp_path, only="^/api/2.0", examples=2, seed=draw.randrange(10**6), phases="fuzzing"
        )
        assert (found.code, found.problems) == (0, []), found.said[-3_000:]
        assert found.operations > 50
