"""One tiny model, and recordings with the texts that NeMo's own transcribe() gives them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from benchmarks import speech_model
from benchmarks.speech_requests import Recording
from modelyard.data import make_an4_like
from tests.containers.asr.image import IMAGE
from tests.containers.server import Server

ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package/modelyard-dev-asr/12"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Sixteen recordings of 22,050 Hz."""
    made = make_an4_like(tmp_path_factory.mktemp("speech") / "an4", utterances=16)
    return sorted(made.folder.rglob("*.wav"))


@pytest.fixture(scope="session")
def model_dir(corpus: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.nemo and texts.json."""
    folder = tmp_path_factory.mktemp("model")
    done = IMAGE.run(["python", Path(speech_model.__file__), folder, *corpus])
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def recordings(corpus: list[Path], model_dir: Path) -> list[Recording]:
    """Each with NeMo's text."""
    texts = json.loads((model_dir / "texts.json").read_text())
    return [Recording(path.read_bytes(), texts[path.name], soundfile.info(path).duration) for path in corpus]


@pytest.fixture(scope="session")
def server(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`serve` with the model, as version 12."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(model_dir / "model.nemo", folder)
    with IMAGE.serving(folder, MODEL_PACKAGE_ARN=ARN) as running:
        yield running
