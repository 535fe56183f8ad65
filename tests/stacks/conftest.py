"""One synthesis for all tests of the stacks."""

import pytest

from tests.synthesis import SETTINGS, Templates, build


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The stacks of every kind of stage."""
    outdir = tmp_path_factory.mktemp("assembly")
    build(SETTINGS, outdir).synth()
    return Templates(outdir)
