"""Runs `make demo-asr`: speech recognition from synthesised speech to a served model; `python -m demo.asr [--keep]`."""

from __future__ import annotations

import json
import shutil
import sys
from difflib import SequenceMatcher
from typing import Any

from demo.endpoint import DemoFailed
from demo.loop import Loop
from demo.objects import read_json, read_object
from demo.performance import ROOT, perform, start_local_aws, tell_how_to_stop
from demo.pipeline import Execution
from demo.screen import Screen
from demo.shell import Shell
from modelyard.image_folders import CONTAINERS
from modelyard.local.sagemaker.jobs.environments import prepare_environment
from modelyard.settings import load_settings

__all__ = ["SpeechLoop", "run"]

HOME = ROOT / ".cache" / "demo-asr"
PROJECT = "asr"
PLATFORM = "demo/asr.yaml"
UTTERANCES = 1000
FEW_EPOCHS = "3"
SHOWN = 10
WORST_SHOWN = 5


class SpeechLoop(Loop):
    """The loop of the speech project."""

    def upload(self) -> None:
        """Synthesise the corpus and put it where the pipeline reads it."""
        shutil.rmtree(self.data, ignore_errors=True)
        said = self.shell.run("modelyard", "data", "an4-like", str(self.data), "--utterances", str(UTTERANCES))
        self.screen.say(said.strip().splitlines()[-1])
        self.shell.run("aws", "s3", "cp", "--recursive", "--only-show-errors", str(self.data), self.data_uri)
        self.screen.say(f"uploaded to {self.data_uri}")

    def show_evaluation(self, evaluation: str) -> None:
        """Show the error rates and the worst utterances at that place."""
        report = read_json(self.clients["s3"], f"{evaluation}/evaluation.json")
        metrics = report["speech_recognition_metrics"].items()
        rows = [[name.upper(), f"{rate['value']:.4f}", f"{rate['standard_deviation']:.4f}"] for name, rate in metrics]
        title = f"Evaluation on {report['utterances']} utterances of held-out voices and texts"
        self.screen.table(title, ["rate", "value", "standard deviation"], rows)
        worst = [[each["text"], each["hypothesis"], f"{each['wer']:.2f}"] for each in report["worst"][:WORST_SHOWN]]
        self.screen.table("The worst of them", ["said", "heard", "WER"], worst)
        self.screen.say(f"plot of WER by duration: {evaluation}/wer_by_duration.png")

    def call(self, execution: Execution) -> None:
        """Have recordings that training never heard transcribed, and print what was said beside what was heard."""
        s3, runtime = self.clients["s3"], self.clients["sagemaker-runtime"]
        audio = execution.output(self.sagemaker, "Preprocess", "audio")
        manifest = read_object(s3, f"{execution.output(self.sagemaker, 'Clean', 'manifests')}/test.json").decode()
        entries = [json.loads(line) for line in manifest.splitlines()]
        rows = []
        for entry in entries[:: max(1, len(entries) // SHOWN)][:SHOWN]:
            recording = read_object(s3, f"{audio}/{entry['audio_filepath']}")
            answer = self._transcribe(runtime, recording)
            seconds = f"{entry['duration']:.1f}"
            rows.append([entry["speaker"], seconds, entry["text"], answer["text"], str(answer["model_version"])])
            if answer["model_package_arn"] != execution.package_arn:
                raise DemoFailed(f"{answer['model_package_arn']} answered, not {execution.package_arn}")
        self.screen.table("Held-out recordings", ["voice", "s", "said", "heard", "version"], rows)
        alike = [SequenceMatcher(None, said.split(), heard.split()).ratio() for _, _, said, heard, _ in rows]
        if sum(alike) < len(alike) / 2:
            raise DemoFailed("what was heard has less than half in common with what was said")

    def _transcribe(self, runtime: Any, recording: bytes) -> Any:
        answer = runtime.invoke_endpoint(EndpointName=self.name, ContentType="audio/wav", Body=recording)
        return json.loads(answer["Body"].read())


def run(screen: Screen, shell: Shell, keep: bool) -> None:
    """The stages of the demo, in their order."""
    stage = load_settings(ROOT / PLATFORM).stages[0]
    with screen.stage("Install the speech image's environment (once a machine; 1.7 GB)"):
        prepare_environment(CONTAINERS / PROJECT, lambda line: None)
    with screen.stage("Start a local AWS"):
        start_local_aws(screen, shell, stage, HOME)
    loop = SpeechLoop(screen, shell, stage, HOME / "corpus", project=PROJECT, platform=PLATFORM)
    with screen.stage("Stand up the platform with the CDK"):
        loop.deploy()
    with screen.stage(f"Synthesise {UTTERANCES:,} utterances"):
        loop.upload()
    with screen.stage(f"Train for {FEW_EPOCHS} epochs: the model is refused"):
        loop.refused(Epochs=FEW_EPOCHS)
    with screen.stage("Train, evaluate and register version 1"):
        version = loop.register()
    with screen.stage("Approve version 1: the endpoint comes into being"):
        loop.approve(version.package_arn)
    with screen.stage("Transcribe held-out recordings"):
        loop.call(version)
    if keep:
        tell_how_to_stop(screen, HOME)
        return
    with screen.stage("Destroy everything"):
        loop.destroy()


if __name__ == "__main__":
    told = {"name": "demo-asr", "description": "Speech recognition, the whole loop on this machine."}
    sys.exit(perform(sys.argv[1:], home=HOME, run=run, **told))
