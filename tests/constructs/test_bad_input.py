"""What a construct says of input that cannot be built: every message, word for word."""

from collections.abc import Callable, Sequence
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard.cdk_app import create_app
from modelyard.constructs import training_pipeline
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.capacity import Capacity
from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.execution_roles import ExecutionRoles
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.model_endpoint import ModelEndpoint
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.rollout import Rollout
from modelyard.constructs.rollout_alarm import RolloutAlarm
from modelyard.constructs.training_pipeline import TrainingPipeline
from modelyard.settings import ConfigurationError, Scaling

ROOT = Path(__file__).parents[2]

SIZES = "medium, large, xlarge, 2xlarge, 4xlarge, 6xlarge, 8xlarge, 9xlarge, 10xlarge, 12xlarge, 16xlarge, 18xlarge, "
SIZES += "24xlarge, 32xlarge, 36xlarge, 48xlarge"

MINUTE = cdk.Duration.minutes(1)


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(create_app(ROOT), "Stack", env=cdk.Environment(account="111122223333", region="us-east-1"))


def _scope(stack: cdk.Stack) -> Construct:
    return Construct(stack, f"Scope{len(stack.node.children)}")


def _endpoint(
    scope: Construct,
    capacity: Capacity,
    *,
    key: bool = False,
    environment: dict[str, str] | None = None,
    rollout: Rollout | None = None,
    alarms: Sequence[RolloutAlarm] | None = None,
    scaling: Scaling | None = None,
    parameter_name: str = "/modelyard/dev/abalone/endpoint",
    times: int = 1,
) -> None:
    store = ArtifactStore(scope, "Store", stage="dev")
    roles = ExecutionRoles(scope, "Roles", stage="dev", store=store)
    hook = ApprovalHook(
        scope,
        "Hook",
        stage="dev",
        ledger=Ledger(scope, "Ledger", stage="dev", key=store.key),
        store=store,
        endpoint_role=roles.endpoint,
        topic=sns.Topic(scope, "Topic"),
    )
    registry = ModelRegistry(scope, "Registry", model_package_group_name="modelyard-dev-abalone")
    volume_key = kms.Key(scope, "Key") if key else None
    for number in range(times):
        ModelEndpoint(
            scope,
            f"Endpoint{number}",
            endpoint_name="modelyard-dev-abalone",
            parameter_name=parameter_name,
            hook=hook,
            registry=registry,
            role=roles.endpoint,
            capacity=capacity,
            volume_key=volume_key,
            environment=environment,
            rollout=rollout,
            alarms=alarms,
            scaling=scaling,
        )


def _pipeline(scope: Construct, *, pipeline_name: str = "modelyard-dev-abalone", schedule: str | None = None) -> None:
    store = ArtifactStore(scope, "Store", stage="dev")
    TrainingPipeline(
        scope,
        "Pipeline",
        pipeline_name=pipeline_name,
        schedule=schedule,
        folder=ROOT / "modelyard" / "pipeline_defs" / "abalone",
        region="us-east-1",
        store=store,
        roles=ExecutionRoles(scope, "Roles", stage="dev", store=store),
        registry=ModelRegistry(scope, "Registry", model_package_group_name="modelyard-dev-abalone"),
        images={},
    )


def _image(scope: Construct, folder: Path, **build_args: str) -> None:
    builder = ImageBuilder(scope, "Builder", description="builds images")
    ContainerImage(scope, "Image", folder=folder, builder=builder, build_args=build_args)


def _twice(scope: Construct) -> None:
    parameters = ParameterRegistry(scope, "Parameters", stage="dev", project="abalone")
    for _ in range(2):
        parameters.add("pipeline", "x", description="x")


BAD_INPUT: dict[str, tuple[Callable[[Construct], object], str]] = {
    "an instance type without ml": (
        lambda scope: Capacity.cpu("m5.large"),
        f"received m5.large; allowed: ml.<family>.<size>, such as ml.m5.large, with a size of {SIZES}",
    ),
    "an instance size that does not exist": (
        lambda scope: Capacity.cpu("ml.m5.huge"),
        f"received ml.m5.huge; allowed: ml.<family>.<size>, such as ml.m5.large, with a size of {SIZES}",
    ),
    "an instance family that is not known": (
        lambda scope: Capacity.gpu("ml.g99.xlarge"),
        "received ml.g99.xlarge, whose family g99 is not known here; allowed: a known family, or local_storage, true "
        "or false, for whether it has local NVMe storage",
    ),
    "a GPU as CPU": (
        lambda scope: Capacity.cpu("ml.g5.xlarge"),
        "'ml.g5.xlarge' has accelerators; write Capacity.gpu('ml.g5.xlarge')",
    ),
    "a CPU as GPU": (
        lambda scope: Capacity.gpu("ml.m5.large"),
        "'ml.m5.large' has no accelerators; write Capacity.cpu('ml.m5.large')",
    ),
    "no instance": (
        lambda scope: Capacity.cpu("ml.m5.large", count=0),
        "count: received 0; allowed: 1 to 100 instances",
    ),
    "a time-out that SageMaker does not take": (
        lambda scope: Capacity.gpu("ml.g5.xlarge", health_check_timeout_seconds=7200),
        "health_check_timeout_seconds: received 7200; allowed: 60 to 3600 seconds",
    ),
    "a volume key for local NVMe storage": (
        lambda scope: _endpoint(scope, Capacity.gpu("ml.g5.xlarge"), key=True),
        "volume_key: ml.g5.xlarge keeps its volumes on local NVMe storage, which is encrypted by the hardware and for "
        "which SageMaker refuses a KMS key; leave volume_key out",
    ),
    "a declaration that no parameter holds": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), environment={"TEXT": "é" * 2000}),
        "modelyard-dev-abalone: the endpoint's declaration has about 4666 bytes, and its SSM parameter holds 4096; "
        "write fewer or shorter environment variables, tags and alarms",
    ),
    "the variable that the approval hook sets": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), environment={"MODEL_PACKAGE_ARN": "x"}),
        "environment: received MODEL_PACKAGE_ARN, which the approval hook sets to tell the container its version; "
        "choose another name",
    ),
    "a canary of more than half": (
        lambda scope: Rollout.canary(percent=51, wait=MINUTE),
        "percent: received 51; allowed: 1 to 50 percent of the capacity for a rollout of type canary",
    ),
    "linear steps that are too small": (
        lambda scope: Rollout.linear(percent=9, wait=MINUTE),
        "percent: received 9; allowed: 10 to 50 percent of the capacity for a rollout of type linear",
    ),
    "batches that are too large": (
        lambda scope: Rollout.rolling(percent=51, wait=MINUTE),
        "percent: received 51; allowed: 5 to 50 percent of the capacity for a rollout of type rolling",
    ),
    "a bake of two hours": (
        lambda scope: Rollout.all_at_once(bake=cdk.Duration.hours(2)),
        "bake_seconds: received 7200; allowed: 0 to 3600 seconds for a rollout of type all_at_once",
    ),
    "a time-out of nine hours": (
        lambda scope: Rollout.canary(percent=10, wait=MINUTE, timeout=cdk.Duration.hours(9)),
        "timeout_seconds: received 32400; allowed: 600 to 28800 seconds for a rollout of type canary",
    ),
    "a time-out within the waits of a rolling update": (
        lambda scope: _endpoint(
            scope,
            Capacity.cpu("ml.m5.large", count=10),
            rollout=Rollout.rolling(percent=10, wait=cdk.Duration.minutes(2), timeout=cdk.Duration.minutes(20)),
        ),
        "timeout_seconds: received 1200, but the rollout waits 1200 seconds in all; allowed: 1201 to 28800",
    ),
    "a canary for one instance": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), rollout=Rollout.canary(percent=10, wait=MINUTE)),
        "type: received canary for an endpoint of 1 instance, which cannot be shifted in parts; allowed: all_at_once, "
        "or at least 2 instances (instance_count, or min of scaling)",
    ),
    "a guardrail for inf1": (
        lambda scope: _endpoint(
            scope, Capacity.gpu("ml.inf1.xlarge", count=2), rollout=Rollout.all_at_once(bake=MINUTE)
        ),
        "type: received all_at_once with alarms for ml.inf1.xlarge, whose family has no deployment guardrails; "
        "allowed: all_at_once without bake_seconds and without alarms",
    ),
    "more alarms than SageMaker takes": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), alarms=[RolloutAlarm.invocation_5xx()] * 11),
        "alarms: received 11; allowed: at most 10, says SageMaker",
    ),
    "an alarm twice": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), alarms=[RolloutAlarm.invocation_4xx()] * 2),
        "alarms: received the names 4xx, 4xx; allowed: each name once",
    ),
    "an alarm on GPUs that are not there": (
        lambda scope: _endpoint(scope, Capacity.cpu("ml.m5.large"), alarms=[RolloutAlarm.gpu_memory()]),
        "alarms: received one on GPUs for ml.m5.large, which has none; leave it out",
    ),
    "a rate in percent": (
        lambda scope: RolloutAlarm.invocation_5xx(rate=5),
        "rate: received 5; allowed: a part of all requests, between 0 and 1",
    ),
    "an alarm with a name that CloudWatch would not end a name with": (
        lambda scope: RolloutAlarm("5 xx", "Errors", "AWS/SageMaker", "Sum", 1),
        "name: received 5 xx; allowed: up to 64 letters, digits, dots, hyphens and _",
    ),
    "a statistic that does not exist": (
        lambda scope: RolloutAlarm("5xx", "Errors", "AWS/SageMaker", "Median", 1),
        "statistic: received Median; allowed: Average, Maximum, Minimum, SampleCount, Sum, or a percentile, such as "
        "p99",
    ),
    "a period that CloudWatch does not take": (
        lambda scope: RolloutAlarm("5xx", "Errors", "AWS/SageMaker", "Sum", 1, period_seconds=90),
        "period_seconds: received 90; allowed: 10, 20, 30, a multiple of 60",
    ),
    "an alarm that looks back for longer than a day": (
        lambda scope: RolloutAlarm("5xx", "Errors", "AWS/SageMaker", "Sum", 1, 3600, 25),
        "evaluation_periods: received 25; allowed: 1 to 24, a day",
    ),
    "scaling to nothing": (
        lambda scope: Scaling(min=0, max=2, invocations_per_instance=100),
        "min: received 0; allowed: 1 to 100 instances",
    ),
    "scaling to less than the least": (
        lambda scope: Scaling(min=3, max=2, invocations_per_instance=100),
        "max: received 2; allowed: 3, which min is, to 100 instances",
    ),
    "more instances than scaling allows": (
        lambda scope: _endpoint(
            scope,
            Capacity.cpu("ml.m5.large", count=5),
            scaling=Scaling(min=1, max=4, invocations_per_instance=100),
        ),
        "instance_count: received 5; allowed: 1 to 4, the bounds of scaling",
    ),
    "an image without a folder": (
        _pipeline,
        f"{ROOT / 'modelyard' / 'pipeline_defs' / 'abalone'}: the pipeline refers to the image 'tabular'; "
        "the images are: none; add a folder of that name with a Dockerfile to your images' folders",
    ),
    "a folder that is no image": (
        lambda scope: _image(scope, Path("/nowhere")),
        "/nowhere: no Dockerfile there; a container image is made from a folder with one",
    ),
    "a build argument that would break the build": (
        lambda scope: _image(scope, ROOT / "modelyard" / "containers" / "tabular", PATH="/bin"),
        "build_args: received the build argument PATH; allowed: capitals, digits and _, a letter first, and no name "
        "that the build uses itself",
    ),
    "a pipeline's name that SageMaker refuses": (
        lambda scope: _pipeline(scope, pipeline_name="my_rings"),
        "pipeline_name: received my_rings; allowed: 256 letters, digits and hyphens between them",
    ),
    "a schedule in words": (
        lambda scope: _pipeline(scope, schedule="every day"),
        "schedule: received every day; allowed: rate(…) or cron(…) as EventBridge Scheduler has them, such as "
        "rate(1 day)",
    ),
    "a group's name that SageMaker refuses": (
        lambda scope: ModelRegistry(scope, "Registry", model_package_group_name="my rings"),
        "model_package_group_name: received my rings; allowed: 63 letters, digits and hyphens between them",
    ),
    "a declaration where the hook does not look": (
        lambda scope: _endpoint(scope, Capacity("ml.m5.large"), parameter_name="/rings/endpoint"),
        "parameter_name: received /rings/endpoint; allowed: /modelyard/dev/<a name>/endpoint, where the approval hook "
        "looks for declarations",
    ),
    "an endpoint twice": (
        lambda scope: _endpoint(scope, Capacity("ml.m5.large"), times=2),
        "endpoint_name: received modelyard-dev-abalone, which another endpoint of the approval hook has; choose "
        "another name",
    ),
    "no time to load a large image": (
        lambda scope: Capacity("ml.g5.xlarge", health_check_timeout_seconds=0),
        "health_check_timeout_seconds: received 0; allowed: 60 to 3600 seconds",
    ),
    "a store of what stands in the place of a stage": (
        lambda scope: ArtifactStore(scope, "Store", stage="images"),
        "stage: received images, which the platform uses itself; choose another",
    ),
    "a stage's name in capitals": (
        lambda scope: Ledger(scope, "Ledger", stage="My-Stage", key=kms.Key(scope, "Key")),
        "stage: received My-Stage; allowed: a stage name: lower-case letters and digits, a letter first, at most 15",
    ),
    "a parameter twice": (
        _twice,
        "the parameter /modelyard/dev/abalone/pipeline was added before; write another key",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_INPUT.values(), ids=[name.replace(" ", "-") for name in BAD_INPUT])
def test_bad_input_gives_its_message(make: Callable[[Construct], object], message: str, stack: cdk.Stack) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(_scope(stack))
    assert str(caught.value) == message


def test_a_volume_key_is_taken_where_the_family_allows_it(stack: cdk.Stack) -> None:
    _endpoint(_scope(stack), Capacity.cpu("ml.m5.large"), key=True)


def test_a_wildcard_needs_its_reason() -> None:
    with pytest.raises(ValueError, match="has a wildcard"):
        Permissions().allow(["s3:GetObject"], "arn:aws:s3:::bucket/*")


def test_a_definition_that_no_template_holds_is_refused(stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_pipeline, "_MAX_INLINE_BYTES", 1000)
    with pytest.raises(
        ConfigurationError, match=r"abalone: the pipeline's definition has \d+ bytes; .* 1000: use fewer"
    ):
        _pipeline(_scope(stack))
