"""The abalone project's scripts, run once a session on the real data as SageMaker would run them."""

import tarfile
from pathlib import Path

import pytest

from modelyard.data import fetch
from modelyard.pipeline_defs.compiler import CompiledPipeline, compile_pipeline
from tests.pipeline_defs.abalone import FOLDER, Run, train
from tests.tabular import IMAGE


@pytest.fixture(scope="session")
def abalone(tmp_path_factory: pytest.TempPathFactory) -> CompiledPipeline:
    """The abalone pipeline's definition."""
    return compile_pipeline(FOLDER, region="eu-central-1", cache_dir=tmp_path_factory.mktemp("definitions"))


@pytest.fixture(scope="session")
def abalone_run(abalone: CompiledPipeline, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Preprocess, train and evaluate, each from its own source bundle."""
    run = Run(tmp_path_factory.mktemp("abalone"))
    run.data.mkdir()
    fetch("abalone", run.data)
    for variable, bundle in abalone.code.items():
        with tarfile.open(bundle.path) as archive:
            archive.extractall(run.bundle(variable), filter="data")
    command: list[str | Path] = ["python3", run.bundle("CodePreprocess") / "preprocess.py", "--input", run.data]
    done = IMAGE.run([*command, "--output", run.split])
    assert done.returncode == 0, done.stderr
    train(run, abalone.code["CodeTrain"].path, run.training)
    with tarfile.open(run.model, "w:gz") as archive:
        archive.add(run.training / "model", ".")
    command = ["python3", run.bundle("CodeEvaluate") / "evaluate.py", "--model", run.model]
    done = IMAGE.run([*command, "--test", run.split / "test" / "test.csv", "--output", run.evaluation])
    assert done.returncode == 0, done.stderr
    return run
