"""Processing jobs.

See https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.jobs.job import Host, Job, read_input, write_json
from modelyard.local.sagemaker.jobs.kinds import PROCESSING, add_operations, emit_state
from modelyard.local.sagemaker.jobs.mounts import ML_ROOT
from modelyard.local.sagemaker.jobs.support import refuse_unsupported, refuse_volume_key

__all__ = ["ProcessingJob", "create"]

_SUPPORTED = (
    ("ProcessingInputs[].DatasetDefinition", ()),
    ("ProcessingInputs[].S3Input.S3InputMode", ("File",)),
    ("ProcessingInputs[].S3Input.S3CompressionType", ("None",)),
    ("ProcessingOutputConfig.Outputs[].FeatureStoreOutput", ()),
    ("ProcessingOutputConfig.Outputs[].S3Output.S3UploadMode", ("EndOfJob",)),
)
_DEFAULT_MAX_SECONDS = 86400
_DESCRIBED = (
    "ProcessingJobArn",
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
)


class ProcessingJob(Job):
    kind = PROCESSING

    @property
    def image(self) -> str:
        return str(self.record["AppSpecification"]["ImageUri"])

    @property
    def command(self) -> list[str]:
        application = self.record["AppSpecification"]
        return [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]

    @property
    def instance_count(self) -> int:
        return int(self.record["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    @property
    def message_path(self) -> str:
        return f"{ML_ROOT}/output/message"

    @property
    def _outputs(self) -> list[dict[str, Any]]:
        outputs = self.record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [output["S3Output"] for output in outputs if output.get("S3Output") and not output.get("AppManaged")]

    def download(self, hosts: Sequence[Host]) -> None:
        names = [host.name for host in hosts]
        described = {name: self.record[name] for name in _DESCRIBED if name in self.record}
        for host in hosts:
            write_json(host.ml / "config/processingjobconfig.json", described)
            write_json(host.ml / "config/resourceconfig.json", {"current_host": host.name, "hosts": names})
            (host.ml / "output").mkdir()
            for output in self._outputs:
                host.local(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        for item in self.record.get("ProcessingInputs", []):
            source = item.get("S3Input")
            if source is None or item.get("AppManaged"):
                continue
            for host, objects in read_input(self.storage, source, self.record["RoleArn"], hosts):
                self.storage.download(objects, host.local(source["LocalPath"]))

    def upload(self, hosts: Sequence[Host], *, succeeded: bool) -> None:
        if not succeeded:
            return
        key = self.record.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        for output in self._outputs:
            for host in hosts:
                self.storage.upload(host.local(output["LocalPath"]), output["S3Uri"], key)

    def on_line(self, line: str) -> None:
        """Nothing is read from a processing job's output."""

    def _finished(self, status: str, message: str | None) -> None:
        if message:
            self.record["ExitMessage"] = message[:1024]


def create(context: Context, request: dict[str, Any]) -> Record:
    """Make the record of a processing job, and start it."""
    _validate(request)
    record = PROCESSING.add(context, request)
    record.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": _DEFAULT_MAX_SECONDS})
    emit_state(context, PROCESSING, record)
    context.component("jobs").start(ProcessingJob(context, record))
    return record


def _validate(request: dict[str, Any]) -> None:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    refuse_volume_key(cluster["InstanceType"], cluster.get("VolumeKmsKeyId"))
    refuse_unsupported(request, _SUPPORTED)
    if not request["AppSpecification"].get("ContainerEntrypoint"):
        raise ValidationException(
            "AppSpecification.ContainerEntrypoint is needed by the local AWS, which does not read the entry point of "
            "an image: write it, such as ['python3', '/opt/ml/processing/input/code/preprocess.py']"
        )
    inputs = [item.get("S3Input") for item in request.get("ProcessingInputs", []) if not item.get("AppManaged")]
    outputs = [output.get("S3Output") for output in request.get("ProcessingOutputConfig", {}).get("Outputs", [])]
    for place in (*inputs, *outputs):
        if place and not _below_ml(place.get("LocalPath")):
            raise ValidationException(
                f"LocalPath '{place.get('LocalPath')}' must be a folder below {ML_ROOT}/processing"
            )


def _below_ml(path: str | None) -> bool:
    if path is None:
        return False
    pure = PurePosixPath(path)
    return pure.is_relative_to(f"{ML_ROOT}/processing") and ".." not in pure.parts


add_operations(PROCESSING, create)
