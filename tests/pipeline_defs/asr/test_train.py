"""train.py and evaluate.py under NeMo itself. The corpus is tiny and so is the training: nothing here says that a model
is any good; `make demo-asr` does."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.containers.asr import image
from tests.pipeline_defs.asr import scripts
from tests.pipeline_defs.asr.conftest import EPOCHS, SECONDS, UTTERANCES, Run
from tests.pipeline_defs.asr.test_pipeline import steps


def epochs(log: str) -> list[dict[str, float]]:
    """What each epoch's line says."""
    lines = [line for line in log.splitlines() if line.startswith("epoch=")]
    return [{name: float(value) for name, value in re.findall(r"(\w+)=(\S+)", line)} for line in lines]


def test_a_killed_training_goes_on_and_ends_after_as_many_epochs(run: Run) -> None:
    first, second = run.log
    assert [epoch["epoch"] for epoch in epochs(first)] == [1]
    assert "from scratch" in first
    assert [epoch["epoch"] for epoch in epochs(second)] == list(range(2, EPOCHS + 1))
    assert f"goes on from {run.checkpoints_left[-1]}" in second


def test_a_checkpoint_that_cannot_be_read_is_passed_over(run: Run) -> None:
    assert re.search(r"checkpoint \S+ cannot be read and is passed over", run.log[1])


def test_the_metric_definitions_find_what_an_epochs_line_says(run: Run, asr: CompiledPipeline) -> None:
    line = next(line for line in run.log[1].splitlines() if line.startswith("epoch="))
    algorithm = steps(asr)["Train"]["Arguments"]["AlgorithmSpecification"]
    found = {item["Name"]: re.search(item["Regex"], line) for item in algorithm["MetricDefinitions"]}
    assert {name: float(match[1]) for name, match in found.items() if match} == {
        "train:loss": epochs(line)[0]["train_loss"],
        "validation:wer": epochs(line)[0]["val_wer"],
    }


def test_the_log_of_a_training_is_short_and_nothing_but_it(run: Run) -> None:
    assert len(run.log[0].splitlines()) == 2
    assert not re.search(r"(?i)warning|nemo [iw]|onelogger", "".join(run.log))


def test_the_model_folder_says_what_a_server_must_know(run: Run) -> None:
    assert sorted(path.name for path in run.model.iterdir()) == ["model.nemo", "serving.json"]
    known = json.loads((run.model / "serving.json").read_text())
    assert (known["sample_rate"], known["max_duration"], len(known["labels"])) == (16_000, 16.7, 28)


def test_a_training_may_start_from_a_versions_archive(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pretrained").mkdir()
    run.archive(tmp_path / "pretrained")
    words = ("--pretrained", tmp_path / "pretrained", "--epochs", "1", "--learning_rate", "0.0001")
    done = image.run(run.train(tmp_path, *words))
    assert done.returncode == 0, done.stderr
    assert "from model.nemo" in done.stdout
    # From scratch, the first epoch's mean is far higher.
    assert epochs(done.stdout)[0]["train_loss"] < 0.8 * epochs(run.log[0])[0]["train_loss"]
    assert (tmp_path / "model" / "model.nemo").is_file()


def test_sigterm_saves_between_two_batches_and_the_training_goes_on_there(run: Run, tmp_path: Path) -> None:
    command = run.train(tmp_path, "--epochs", "50", "--batch_size", "4")
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, env=image.environment(), stdout=file, stderr=file)
    deadline = time.monotonic() + SECONDS
    while "epoch=1 " not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    told = re.search(r"interrupted in epoch (\d+), before batch (\d+)", log.read_text())
    assert told, log.read_text()
    batches = -(-(UTTERANCES - UTTERANCES // 8) // 4)
    done_before = (int(told[1]) - 1) * batches + int(told[2]) - 1
    newest = max(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert newest.endswith(f"-{done_before:09}.ckpt")


def test_the_evaluation_has_rates_the_worst_utterances_and_a_plot(evaluation: Path) -> None:
    report = json.loads((evaluation / "evaluation.json").read_text())
    rates = report["speech_recognition_metrics"]
    assert set(rates) == {"wer", "cer"}
    assert all(set(rate) == {"value", "standard_deviation"} for rate in rates.values())
    wers = [each["wer"] for each in report["worst"]]
    assert wers == sorted(wers, reverse=True)
    assert (evaluation / "wer_by_duration.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_every_utterance_is_listed_and_the_rates_are_those_of_all(evaluation: Path) -> None:
    report = json.loads((evaluation / "evaluation.json").read_text())
    each = scripts.read(evaluation / "hypotheses.jsonl")
    assert len(each) == UTTERANCES // 8
    total = {key: sum(one[key] for one in each) for key in ("words", "word_errors", "characters", "character_errors")}
    rates = report["speech_recognition_metrics"]
    assert rates["wer"]["value"] == pytest.approx(total["word_errors"] / total["words"])
    assert rates["cer"]["value"] == pytest.approx(total["character_errors"] / total["characters"])


@pytest.fixture(scope="module")
def asked(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Answers of the scripts' own functions, all from one process: loading NeMo is what takes time."""
    folder = tmp_path_factory.mktemp("asked")
    for name in ("empty", "two", "other"):
        (folder / name).mkdir()
    for name in ("two/a.nemo", "two/b.nemo", "other/notes.txt"):
        (folder / name).write_bytes(b"")
    program = Path(__file__).with_name("questions.py")
    command: list[str | Path] = ["python3", program, folder, run.manifests, run.archive(folder)]
    done = image.run(command, PYTHONPATH=str(scripts.FOLDER))
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_error_rates_count_insertions_deletions_and_replacements(asked: dict[str, Any]) -> None:
    assert asked["distances"] == [0, 1, 1, 1, 3, 2, 3]
    assert asked["compared"] == {"words": 3, "word_errors": 2, "characters": 9, "character_errors": 4}


def test_hyperparameters_with_dotted_names_replace_keys_of_the_configuration(asked: dict[str, Any]) -> None:
    assert asked["overridden"] == [256, 0.02, "novograd"]


def test_what_cannot_be_trained_on_is_refused_with_a_remedy(asked: dict[str, Any]) -> None:
    refusals = asked["refusals"]
    assert "hyperparameter model.optim.rate: ctc.yaml has no such key to replace" in refusals["key"]
    assert refusals["two"].startswith("channel pretrained holds a.nemo, b.nemo; give the URI of one .nemo file")
    assert refusals["other"].startswith("channel pretrained holds notes.txt;")
    assert refusals["empty"].startswith("channel pretrained holds nothing;")
    assert "train.json is missing; the channel manifests must hold" in refusals["manifest"]
    assert re.search(r"train.json: \d+ of \d+ files are not in .*/empty: wav/\S+, …", refusals["audio"])


def test_without_a_model_in_the_channel_training_starts_from_scratch(asked: dict[str, Any]) -> None:
    assert asked["starting_points"] == {"no channel": None, "the code": None, "an archive": "model.nemo"}
