"""Where a run of the abalone scripts keeps its things."""

import json
import shutil
from pathlib import Path

from tests.tabular import IMAGE

FOLDER = Path(__file__).parents[2] / "modelyard" / "pipeline_defs" / "abalone"
COLUMNS = "sex,length,diameter,height,whole_weight,shucked_weight,viscera_weight,shell_weight"


class Run:
    """The folders of one run, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.split = folder / "split"
        self.training = folder / "training"
        self.model = folder / "model.tar.gz"
        self.evaluation = folder / "evaluation"

    def bundle(self, variable: str) -> Path:
        """The unpacked source bundle of a step."""
        return self.folder / variable

    def test_rows(self) -> tuple[list[str], list[float]]:
        """The lines of the test split without the target, and the target."""
        lines = (self.split / "test" / "test.csv").read_text().splitlines()[1:]
        return [line.rpartition(",")[0] for line in lines], [float(line.rpartition(",")[2]) for line in lines]


def train(run: Run, source: Path, base: Path, **hyperparameters: str) -> None:
    """Run the image's `train` in `base`, a /opt/ml with the run's split as its channels."""
    config, channels = base / "input" / "config", base / "input" / "data"
    config.mkdir(parents=True)
    names = ("train", "validation", "transform")
    for name in names:
        shutil.copytree(run.split / name, channels / name)
    (channels / "code").mkdir()
    shutil.copy(source, channels / "code")
    script = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(channels / "code")}
    (config / "hyperparameters.json").write_text(json.dumps({**script, **hyperparameters}))
    (config / "inputdataconfig.json").write_text(json.dumps({name: {} for name in (*names, "code")}))
    done = IMAGE.run(["train"], SAGEMAKER_BASE_DIR=str(base))
    assert done.returncode == 0, done.stderr
