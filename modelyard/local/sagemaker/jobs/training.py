"""Training jobs.

See https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.jobs.checkpoints import Checkpoints
from modelyard.local.sagemaker.jobs.job import Host, Job, read_input, write_json
from modelyard.local.sagemaker.jobs.kinds import TRAINING, add_operations, emit_state
from modelyard.local.sagemaker.jobs.measures import Measures
from modelyard.local.sagemaker.jobs.mounts import ML_ROOT
from modelyard.local.sagemaker.jobs.repeating import repeating
from modelyard.local.sagemaker.jobs.support import refuse_unsupported, refuse_volume_key

__all__ = ["TrainingJob", "create"]

_SUPPORTED = (
    ("AlgorithmSpecification.AlgorithmName", ()),
    ("AlgorithmSpecification.TrainingInputMode", ("File", "FastFile")),
    ("InputDataConfig[].InputMode", ("File", "FastFile")),
    ("InputDataConfig[].CompressionType", ("None",)),
    ("InputDataConfig[].DataSource.FileSystemDataSource", ()),
    ("InputDataConfig[].DataSource.DatasetSource", ()),
    ("InputDataConfig[].DataSource.S3DataSource.S3DataType", ("S3Prefix", "ManifestFile")),
    ("ResourceConfig.InstanceGroups", ()),
    ("DebugRuleConfigurations", ()),
    ("ProfilerRuleConfigurations", ()),
    ("ServerlessJobConfig", ()),
    ("ModelPackageConfig", ()),
)
_NEEDED = ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition")
_CLUSTER = "homogeneousCluster"
_DEFAULT_MAX_SECONDS = 86400
_KEEP_SECONDS = 1.0
# What is described of every job, whether or not it was asked for.
_DEFAULTS = {
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
    "EnableNetworkIsolation": False,
}
_PHASES = {
    "Downloading": ("Downloading", "Downloading the training image and the input data"),
    "Running": ("Training", "Training image download completed. Training in progress."),
    "Uploading": ("Uploading", "Uploading generated training model"),
}
_ENDS = {"Completed": "Training job completed", "Failed": "Training job failed", "Stopped": "Training job stopped"}


class TrainingJob(Job):
    kind = TRAINING

    def __init__(self, context: Context, record: Record) -> None:
        super().__init__(context, record)
        self._measures = Measures(self.name, record["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._checkpoints: list[Checkpoints] = []

    @property
    def image(self) -> str:
        return str(self.record["AlgorithmSpecification"]["TrainingImage"])

    @property
    def command(self) -> list[str]:
        algorithm = self.record["AlgorithmSpecification"]
        entrypoint = algorithm.get("ContainerEntrypoint")
        # SageMaker runs an image as `docker run IMAGE train`; here the image's own program of that name is run.
        return [*(entrypoint or ["train"]), *algorithm.get("ContainerArguments", [])]

    @property
    def instance_count(self) -> int:
        return int(self.record["ResourceConfig"].get("InstanceCount", 1))

    @property
    def message_path(self) -> str:
        return f"{ML_ROOT}/output/failure"

    def environment(self) -> dict[str, str]:
        platform = {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn}
        return {**platform, **super().environment()}

    def enter(self, phase: str) -> None:
        with self.context.service.lock:
            super().enter(phase)
            if self.record["TrainingJobStatus"] == "InProgress":
                transition(self.context, self.record, *_PHASES[phase])
                emit_state(self.context, TRAINING, self.record)

    def stopping(self) -> None:
        transition(self.context, self.record, "Stopping", "Stopping the training job")
        super().stopping()

    def download(self, hosts: Sequence[Host]) -> None:
        channels = self.record.get("InputDataConfig", [])
        for host in hosts:
            config = host.ml / "input/config"
            write_json(config / "hyperparameters.json", self.record.get("HyperParameters", {}))
            write_json(config / "inputdataconfig.json", {item["ChannelName"]: self._channel(item) for item in channels})
            write_json(config / "resourceconfig.json", self._resources(host, hosts))
            for folder in ("model", "output/data", "input/data", "checkpoints"):
                (host.ml / folder).mkdir(parents=True)
        if "CheckpointConfig" in self.record:
            self._checkpoints = [self._checkpoints_of(host) for host in hosts]
        for checkpoints in self._checkpoints:
            checkpoints.fetch()
        for item in channels:
            source = item["DataSource"]["S3DataSource"]
            for host, objects in read_input(self.storage, source, self.record["RoleArn"], hosts):
                self.storage.download(objects, host.ml / "input/data" / item["ChannelName"])

    def beside(self, hosts: Sequence[Host]) -> AbstractContextManager[None]:
        if not self._checkpoints and not self._measures:
            return nullcontext()
        return repeating(self.context, f"keep-{self.name}", self._keep, _KEEP_SECONDS)

    def upload(self, hosts: Sequence[Host], *, succeeded: bool) -> None:
        self._keep()
        output = self.record["OutputDataConfig"]
        key, target = output.get("KmsKeyId"), self.record["ModelArtifacts"]["S3ModelArtifacts"]
        if succeeded:
            self._upload([host.ml / "model" for host in hosts], target, key)
        data = f"{output['S3OutputPath'].rstrip('/')}/{self.name}/output"
        suffix = ".tar.gz" if target.endswith(".tar.gz") else "/output"
        self._upload([host.ml / "output/data" for host in hosts], f"{data}/output{suffix}", key)

    def on_line(self, line: str) -> None:
        if self._measures.see(line, self.context.now()):
            with self.context.service.lock:
                self.record["FinalMetricDataList"] = self._measures.last

    def _keep(self) -> None:
        """Bring to S3 and CloudWatch what there is of checkpoints and metrics by now."""
        if self._measures:
            self._measures.publish(self.context.client("cloudwatch"))
        kept = [checkpoints.keep() for checkpoints in self._checkpoints]
        if any(kept):
            self.context.snapshot()

    def _upload(self, folders: list[Path], uri: str, key: str | None) -> None:
        if uri.endswith(".tar.gz"):
            self.storage.upload_archive(folders, uri, key)
            return
        for folder in folders:
            self.storage.upload(folder, uri, key)

    def _checkpoints_of(self, host: Host) -> Checkpoints:
        config = self.record["CheckpointConfig"]
        folder = host.local(config.get("LocalPath", f"{ML_ROOT}/checkpoints"))
        return Checkpoints(self.storage, config["S3Uri"], folder, self.record["OutputDataConfig"].get("KmsKeyId"))

    def _channel(self, channel: dict[str, Any]) -> dict[str, str]:
        mode = self.record["AlgorithmSpecification"]["TrainingInputMode"]
        source = channel["DataSource"]["S3DataSource"]
        described = {
            "ContentType": channel.get("ContentType"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "TrainingInputMode": channel.get("InputMode", mode),
        }
        return {name: value for name, value in described.items() if value is not None}

    def _resources(self, host: Host, hosts: Sequence[Host]) -> dict[str, Any]:
        names, instance = [host.name for host in hosts], self.record["ResourceConfig"]["InstanceType"]
        group = {"instance_group_name": _CLUSTER, "instance_type": instance, "hosts": names}
        return {
            "current_host": host.name,
            "current_instance_type": instance,
            "current_group_name": _CLUSTER,
            "hosts": names,
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def _finished(self, status: str, message: str | None) -> None:
        end = self.record["TrainingEndTime"]
        secondary = self.record.pop("_SecondaryEnd", status)
        transition(self.context, self.record, secondary, self.record.get("FailureReason") or _ENDS[status], end=end)
        if "TrainingStartTime" in self.record:
            seconds = max(1, round(end - self.record["TrainingStartTime"]))
            self.record.update(TrainingTimeInSeconds=seconds, BillableTimeInSeconds=seconds)


def transition(context: Context, record: Record, status: str, message: str, *, end: float | None = None) -> None:
    """Record a secondary status, and the end of the one before; the lock is held."""
    now, transitions = context.now(), record.setdefault("SecondaryStatusTransitions", [])
    if transitions:
        transitions[-1]["EndTime"] = end or now
    entry = {"Status": status, "StartTime": now, "StatusMessage": message}
    transitions.append(entry if end is None else {**entry, "StartTime": end, "EndTime": end})
    record["SecondaryStatus"] = status


def create(context: Context, request: dict[str, Any]) -> Record:
    """Make the record of a training job, and start it."""
    _validate(request)
    record = TRAINING.add(context, {**_DEFAULTS, **request})
    record["StoppingCondition"] = {"MaxRuntimeInSeconds": _DEFAULT_MAX_SECONDS, **request["StoppingCondition"]}
    output = request["OutputDataConfig"]
    name = "model/" if output.get("CompressionType") == "NONE" else "model.tar.gz"
    path = f"{output['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output/{name}"
    record["ModelArtifacts"] = {"S3ModelArtifacts": path}
    transition(context, record, "Starting", "Starting the training job")
    emit_state(context, TRAINING, record)
    context.component("jobs").start(TrainingJob(context, record))
    return record


def _validate(request: dict[str, Any]) -> None:
    for member in _NEEDED:
        if member not in request:
            raise ValidationException(f"{member} is needed to create a training job")
    resources = request["ResourceConfig"]
    _validate_spot(request)
    refuse_unsupported(request, _SUPPORTED)
    if "TrainingImage" not in request["AlgorithmSpecification"]:
        raise ValidationException("AlgorithmSpecification.TrainingImage is needed to create a training job")
    if "InstanceType" not in resources:
        raise ValidationException("ResourceConfig.InstanceType is needed to create a training job")
    refuse_volume_key(resources["InstanceType"], resources.get("VolumeKmsKeyId"))
    for item in request["AlgorithmSpecification"].get("MetricDefinitions", []):
        try:
            re.compile(item["Regex"])
        except re.error as error:
            raise ValidationException(
                f"The regular expression '{item['Regex']}' of metric {item['Name']} is not valid: {error}"
            ) from None
    checkpoints = request.get("CheckpointConfig", {}).get("LocalPath", ML_ROOT)
    if not Path(checkpoints).is_relative_to(ML_ROOT) or ".." in Path(checkpoints).parts:
        raise ValidationException(f"CheckpointConfig.LocalPath '{checkpoints}' must be a folder below {ML_ROOT}")
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValidationException(f"Channel names must be unique; repeated: {', '.join(sorted(repeated))}")


def _validate_spot(request: dict[str, Any]) -> None:
    condition = request["StoppingCondition"]
    wait = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
    elif wait is None or wait < condition.get("MaxRuntimeInSeconds", _DEFAULT_MAX_SECONDS):
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


add_operations(TRAINING, create)
