"""One synthesis for all tests of the stacks."""

import pytest

from tests.stacks import deliveries
from tests.synthesis import SETTINGS, Templates, build


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The stacks of every kind of stage."""
    outdir = tmp_path_factory.mktemp("assembly")
    build(SETTINGS, outdir).synth()
    return Templates(outdir)


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The stacks of three accounts and of what delivers to them."""
    outdir = tmp_path_factory.mktemp("delivery")
    build(deliveries.SETTINGS, outdir).synth()
    return Templates(outdir)


@pytest.fixture(scope="session")
def in_one_account(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The stacks of one account, of what delivers to them, and of a stage that it does not deliver to."""
    outdir = tmp_path_factory.mktemp("in_one_account")
    build(deliveries.IN_ONE_ACCOUNT, outdir).synth()
    return Templates(outdir)
