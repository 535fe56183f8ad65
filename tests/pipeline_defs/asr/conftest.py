"""The speech project: its definition, and its scripts run once a session on a corpus that is small on purpose."""

import json
import signal
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelyard.data import make_an4_like
from modelyard.pipeline_defs.compiler import CompiledPipeline, compile_pipeline
from tests.containers.asr.image import IMAGE
from tests.pipeline_defs.asr import scripts

UTTERANCES = 64
EPOCHS = 2
SECONDS = 300


@pytest.fixture(scope="session")
def asr(tmp_path_factory: pytest.TempPathFactory) -> CompiledPipeline:
    """The speech pipeline's definition."""
    return compile_pipeline(scripts.FOLDER, region="eu-central-1", cache_dir=tmp_path_factory.mktemp("definitions"))


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 64 utterances in AN4's layout: enough to see that the scripts work, and for no useful model."""
    return make_an4_like(tmp_path_factory.mktemp("spoken") / "corpus", utterances=UTTERANCES).folder


@dataclass(frozen=True)
class Run:
    """The folders of one run of the scripts; `log` is what the two halves of an interrupted training printed."""

    audio: Path
    manifests: Path
    model: Path
    log: tuple[str, str]
    checkpoints_left: list[str]

    def train(self, folder: Path, *words: str | Path) -> list[str | Path]:
        """The command that trains in `folder`."""
        channels = ("--audio", self.audio, "--manifests", self.manifests)
        own = ("--model_dir", folder / "model", "--checkpoints", folder / "checkpoints")
        return ["python3", "-u", scripts.FOLDER / "train.py", *channels, *own, *words]

    def archive(self, folder: Path) -> Path:
        """The model as SageMaker stores it."""
        path = folder / "model.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(self.model, ".")
        return path


@pytest.fixture(scope="session")
def run(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Preprocess, clean, and a training that is killed in its second epoch, then started again."""
    folder = tmp_path_factory.mktemp("asr")
    raw, clean, base = folder / "raw", folder / "clean", folder / "training"
    for script, arguments in {
        "preprocess.py": {"input": spoken, "output_audio": folder / "audio", "output_manifests": raw},
        "clean.py": {"input_manifests": raw, "output_manifests": clean, "report": folder / "report"},
    }.items():
        done = scripts.run(script, **arguments)
        assert done.returncode == 0, done.stderr
    made = Run(folder / "audio", clean, base / "model", ("", ""), [])
    command = made.train(base, "--epochs", str(EPOCHS))
    first = end_in_second_epoch(command, base / "checkpoints", folder / "first.log", signal.SIGKILL)
    left = sorted(path.name for path in (base / "checkpoints").iterdir())
    # A checkpoint that was cut off must not stop the training from going on from the one before.
    (base / "checkpoints" / left[-1].replace("-0", "-9")).write_bytes(b"PK\3\4 cut off")
    done = IMAGE.run(command)
    assert done.returncode == 0, done.stderr
    return Run(made.audio, clean, made.model, (first, done.stdout), left)


def end_in_second_epoch(command: list[str | Path], checkpoints: Path, log: Path, by: signal.Signals) -> str:
    """Start a training, and send it a signal as soon as it has begun its second epoch; what it printed."""
    with log.open("w") as file:
        process = subprocess.Popen(command, env=IMAGE.variables, stdout=file, stderr=file)
    deadline = time.monotonic() + SECONDS
    while not list(checkpoints.glob("*.ckpt")):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
    process.send_signal(by)
    assert process.wait(timeout=SECONDS) == (143 if by == signal.SIGTERM else -by), log.read_text()
    return log.read_text()


@pytest.fixture(scope="session")
def evaluation(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What evaluate.py writes of that model."""
    folder = tmp_path_factory.mktemp("evaluation")
    words = ("--audio", run.audio, "--manifest", run.manifests / "test.json", "--output", folder)
    done = IMAGE.run(["python3", scripts.FOLDER / "evaluate.py", "--model", run.archive(folder), *words])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["utterances"] == UTTERANCES // 8
    return folder
