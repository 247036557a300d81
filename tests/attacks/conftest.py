"""What attackers meet: a team's server, a prediction service, and both as processes of their own."""

from collections.abc import Iterator

import pytest
from tests.attacks.town import Town
from tests.serving.conftest import Service


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A team's workspace behind its server, for the many tests that only ask."""
    made = Town(tmp_path_factory.mktemp("town"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A prediction service, likewise."""
    made = Service(tmp_path_factory.mktemp("service"))
    yield made
    made.stop()
