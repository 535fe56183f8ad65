"""train.py and evaluate.py under NeMo itself. The corpus is tiny and so is the training: nothing here says that a model
is any good; `make demo-asr` does."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from modelyard.lambdas.delivery.examples import parse
from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.containers.asr.image import IMAGE
from tests.pipeline_defs.asr import scripts
from tests.pipeline_defs.asr.conftest import EPOCHS, UTTERANCES, Run, end_in_second_epoch
from tests.pipeline_defs.definitions import steps


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
    done = IMAGE.run(run.train(tmp_path, *words), SM_CURRENT_INSTANCE_TYPE="ml.m5.xlarge")
    assert done.returncode == 0, done.stderr
    assert "from model.nemo" in done.stdout
    assert "WARNING" not in done.stderr
    # From scratch, the first epoch's mean is far higher.
    assert epochs(done.stdout)[0]["train_loss"] < 0.8 * epochs(run.log[0])[0]["train_loss"]
    assert (tmp_path / "model" / "model.nemo").is_file()


def test_sigterm_saves_between_two_batches_and_the_training_goes_on_there(run: Run, tmp_path: Path) -> None:
    checkpoints = tmp_path / "checkpoints"
    command = run.train(tmp_path, "--epochs", "3", "--batch_size", "8")
    first = end_in_second_epoch(command, checkpoints, tmp_path / "log", signal.SIGTERM)
    told = re.search(r"interrupted in epoch 2, before batch (\d+)", first)
    assert told and int(told[1]) > 1, first
    batches = -(-(UTTERANCES - UTTERANCES // 8) // 8)
    newest = max(path.name for path in checkpoints.iterdir())
    assert newest.endswith(f"-{batches + int(told[1]) - 1:09}.ckpt")

    done = IMAGE.run(command)
    assert done.returncode == 0, done.stderr
    assert f"goes on from {newest}" in done.stdout
    assert [epoch["epoch"] for epoch in epochs(done.stdout)] == [2, 3]
    # Made where the third epoch began: the second had as many batches as any.
    assert max(path.name for path in checkpoints.iterdir()).endswith(f"-{2 * batches:09}.ckpt")


def test_an_interrupted_epoch_goes_on_with_what_it_has_not_seen_and_the_next_is_whole(asked: dict[str, Any]) -> None:
    order = asked["resumed"]
    assert order["rest"] == order["second"][6:]
    assert sorted(order["second"]) == sorted(order["third"]) == list(range(10))
    assert order["second"] != order["third"] == order["third after the rest"]


def test_another_alphabet_gets_a_last_layer_of_its_own_on_the_earlier_models_encoder(asked: dict[str, Any]) -> None:
    before, after = asked["tuned"]["vocabularies"]
    assert after == asked["tuned"]["served"] == [*before, "ä"]
    assert asked["tuned"]["outputs"] == [len(before) + 1, len(after) + 1]
    assert asked["tuned"]["same encoder"] is True
    assert ", from earlier.nemo" in asked["log"]


def test_a_job_that_asked_for_a_gpu_and_has_none_says_so(asked: dict[str, Any]) -> None:
    told = [line for line in asked["log"].splitlines() if line.startswith("WARNING: ")]
    assert len(told) == 1
    assert re.match(
        r"WARNING: asked for ml.g5.xlarge, but torch \S+ \(CUDA build \S+\) sees no GPU: training on one CPU core\. ",
        told[0],
    )


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


def test_the_endpoint_answers_the_recorded_examples_as_recorded(run: Run, evaluation: Path) -> None:
    examples = parse((evaluation / "examples.json").read_bytes())
    heard = {each["audio_filepath"]: each["hypothesis"] for each in scripts.read(evaluation / "hypotheses.jsonl")}
    assert 1 <= len(examples) <= 3
    with IMAGE.serving(run.model) as server:
        for each in examples:
            assert each.body == (run.audio / each.name).read_bytes()
            assert each.answer == heard[each.name]
            answer = server.invoke(each.body, each.content_type, each.accept)
            assert (answer.status, answer.content_type) == (200, "text/plain")
            assert each.tolerance.allows(each.answer, answer.body, each.accept)


@pytest.fixture(scope="module")
def asked(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Answers of the scripts' own functions, all from one process: loading NeMo is what takes time."""
    folder = tmp_path_factory.mktemp("asked")
    for name in ("empty", "two", "other"):
        (folder / name).mkdir()
    for name in ("two/a.nemo", "two/b.nemo", "other/notes.txt"):
        (folder / name).write_bytes(b"")
    program = Path(__file__).with_name("questions.py")
    command: list[str | Path] = ["python3", program, folder, run.audio, run.manifests, run.archive(folder)]
    done = IMAGE.run(command, PYTHONPATH=str(scripts.FOLDER), SM_CURRENT_INSTANCE_TYPE="ml.g5.xlarge")
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    answers["log"] = done.stdout + done.stderr
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
