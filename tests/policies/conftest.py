"""One deployment for all tests of its policies."""

import pytest

from tests.policies.delivered import delivered
from tests.policies.deployment import Deployment
from tests.policies.simulation import Simulation
from tests.stacks.deliveries import IN_ONE_ACCOUNT


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The stacks of the delivery of which the calls are recorded, in four accounts."""
    return delivered(tmp_path_factory.mktemp("delivered"))


@pytest.fixture(scope="session")
def simulation(deployment: Deployment) -> Simulation:
    """The policies of that."""
    return Simulation(deployment)


@pytest.fixture(scope="session")
def in_one_account(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """The policies of a delivery to two stages in its own account, where no policy of a bucket keeps them apart."""
    return Simulation(delivered(tmp_path_factory.mktemp("in_one_account"), IN_ONE_ACCOUNT))
