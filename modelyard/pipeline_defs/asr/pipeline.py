"""The speech recognition pipeline: preprocess, clean, train, evaluate, and register the model if its WER is low enough.

Starting it twice with the same data runs no job twice: every job is cached, and every input is a location that holds
for the same data. So does the place of the checkpoints, from which an interrupted training goes on.
"""

from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    MetricDefinition,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.pipeline_experiment_config import PipelineExperimentConfig
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer

from modelyard.pipeline_defs.compiler import PipelineContext, Source

IMAGE = "asr"
CONTENT_TYPES = ["audio/wav", "audio/flac", "application/octet-stream", "application/json"]
RESPONSE_TYPES = ["application/json", "text/plain"]
INFERENCE_INSTANCES = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge"]
TRANSFORM_INSTANCES = ["ml.m5.xlarge", "ml.c5.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge"]
# What train.py prints of each epoch; SageMaker keeps every value in CloudWatch and the last one with the job.
METRICS = {"train:loss": r"train_loss=([0-9.eE+-]+)", "validation:wer": r"val_wer=([0-9.eE+-]+)"}
LONGEST_TRAINING_SECONDS = 24 * 3600

PROCESSING_INSTANCE = ParameterString("ProcessingInstanceType", default_value="ml.m5.xlarge")
TRAINING_INSTANCE = ParameterString("TrainingInstanceType", default_value="ml.m5.xlarge")
WER_THRESHOLD = ParameterFloat("WerThreshold", default_value=0.15)
APPROVAL_STATUS = ParameterString(
    "ModelApprovalStatus",
    default_value="PendingManualApproval",
    enum_values=["PendingManualApproval", "Approved", "Rejected"],
)
# By the names that train.py gives them; together with the data they say which checkpoints a training goes on from.
HYPERPARAMETERS = {
    "epochs": ParameterInteger("Epochs", default_value=20),
    "batch_size": ParameterInteger("BatchSize", default_value=16),
    "learning_rate": ParameterFloat("LearningRate", default_value=0.005),
    "seed": ParameterInteger("Seed", default_value=42),
}

CACHE = CacheConfig(enable_caching=True, expire_after="P30D")
SERVICE_RETRIES = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=5,
    backoff_rate=2.0,
    max_attempts=3,
)
JOB_RETRIES = SageMakerJobStepRetryPolicy(
    exception_types=[
        SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
        SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
        SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
    ],
    interval_seconds=60,
    backoff_rate=2.0,
    max_attempts=3,
)


def get_pipeline(context: PipelineContext) -> Pipeline:
    """The pipeline's parameters and steps; `context` holds what only the deployment knows."""
    training = context.source("train.py", "resume.py", "quiet.py", "conf/ctc.yaml")
    input_data = ParameterString("InputDataUri", default_value=f"s3://{context.data_bucket}/asr/")
    # A channel must not be empty, and a definition cannot leave one out: by default the code stands in.
    pretrained = ParameterString("PretrainedUri", default_value=training.s3_uri)
    experiment = ParameterString("ExperimentName", default_value=context.model_package_group_name)
    preprocess = preprocess_step(context, input_data)
    clean = clean_step(context, preprocess)
    train = train_step(context, training, pretrained, preprocess, clean)
    report = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
    evaluate = evaluate_step(context, preprocess, clean, train, report)
    wer = JsonGet(step_name=evaluate.name, property_file=report, json_path="speech_recognition_metrics.wer.value")
    refuse = FailStep(
        "Refuse", error_message=Join(on=" ", values=["WER", wer, "is above the threshold", WER_THRESHOLD])
    )
    check = ConditionStep(
        "CheckWer",
        conditions=[ConditionLessThanOrEqualTo(left=wer, right=WER_THRESHOLD)],
        if_steps=[register_step(context, train, evaluate)],
        else_steps=[refuse],
    )
    parameters = [input_data, pretrained, experiment, PROCESSING_INSTANCE, TRAINING_INSTANCE, WER_THRESHOLD]
    return Pipeline(
        "asr",
        parameters=[*parameters, APPROVAL_STATUS, *HYPERPARAMETERS.values()],
        steps=[preprocess, clean, train, evaluate, check],
        # The pipeline's role may make experiments whose names begin with the stage's prefix, as the default's does.
        pipeline_experiment_config=PipelineExperimentConfig(experiment, ExecutionVariables.PIPELINE_EXECUTION_ID),
        sagemaker_session=context.session,
    )


def preprocess_step(context: PipelineContext, input_data: ParameterString) -> ProcessingStep:
    """Make the corpus into 16 kHz mono wav files and manifests."""
    source = context.source("preprocess.py")
    return ProcessingStep(
        "Preprocess",
        step_args=processor(context, source).run(
            inputs=[source.processing_input(), input_("data", input_data)],
            outputs=[output(context, "preprocess", name) for name in ("audio", "manifests")],
            arguments=[
                *("--input", "/opt/ml/processing/input/data"),
                *("--output-audio", "/opt/ml/processing/output/audio"),
                *("--output-manifests", "/opt/ml/processing/output/manifests"),
            ],
        ),
        cache_config=CACHE,
        retry_policies=[SERVICE_RETRIES, JOB_RETRIES],
    )


def clean_step(context: PipelineContext, preprocess: ProcessingStep) -> ProcessingStep:
    """Drop what cannot be trained on, and report it."""
    source = context.source("clean.py")
    return ProcessingStep(
        "Clean",
        step_args=processor(context, source).run(
            inputs=[source.processing_input(), input_("manifests", uri(preprocess, "manifests"))],
            outputs=[output(context, "clean", name) for name in ("manifests", "report")],
            arguments=[
                *("--input-manifests", "/opt/ml/processing/input/manifests"),
                *("--output-manifests", "/opt/ml/processing/output/manifests"),
                *("--report", "/opt/ml/processing/output/report"),
            ],
        ),
        cache_config=CACHE,
        retry_policies=[SERVICE_RETRIES, JOB_RETRIES],
    )


def train_step(
    context: PipelineContext,
    source: Source,
    pretrained: ParameterString,
    preprocess: ProcessingStep,
    clean: ProcessingStep,
) -> TrainingStep:
    """Train on the cleaned manifests, from `pretrained` where that is a model."""
    # The report's place is that of the data: the same for as long as its steps are cached.
    identity = [parameter.to_string() for parameter in HYPERPARAMETERS.values()]
    checkpoints = Join(on="/", values=[uri(clean, "report"), "checkpoints", Join(on="-", values=identity)])
    trainer = ModelTrainer(
        training_image=context.image(IMAGE),
        role=context.role,
        base_job_name="asr",
        compute=Compute(instance_type=TRAINING_INSTANCE, instance_count=1, volume_size_in_gb=50),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=LONGEST_TRAINING_SECONDS),
        hyperparameters={
            **source.hyperparameters(),
            **{name: parameter.to_string() for name, parameter in HYPERPARAMETERS.items()},
        },
        input_data_config=[
            InputData(channel_name="audio", data_source=uri(preprocess, "audio")),
            InputData(channel_name="manifests", data_source=uri(clean, "manifests")),
            InputData(channel_name="pretrained", data_source=pretrained),
            source.training_input(),
        ],
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{context.bucket}/asr/models", kms_key_id=context.kms_key
        ),
        checkpoint_config=CheckpointConfig(s3_uri=checkpoints, local_path="/opt/ml/checkpoints"),
        sagemaker_session=context.session,
    ).with_metric_definitions([MetricDefinition(name=name, regex=regex) for name, regex in METRICS.items()])
    return TrainingStep(
        "Train", step_args=trainer.train(), cache_config=CACHE, retry_policies=[SERVICE_RETRIES, JOB_RETRIES]
    )


def evaluate_step(
    context: PipelineContext,
    preprocess: ProcessingStep,
    clean: ProcessingStep,
    train: TrainingStep,
    report: PropertyFile,
) -> ProcessingStep:
    """Measure the model on the held-out utterances."""
    source = context.source("evaluate.py", "quiet.py")
    return ProcessingStep(
        "Evaluate",
        step_args=processor(context, source).run(
            inputs=[
                source.processing_input(),
                input_("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                input_("audio", uri(preprocess, "audio")),
                input_("manifests", uri(clean, "manifests")),
            ],
            outputs=[output(context, "evaluate", "evaluation")],
            arguments=[
                *("--model", "/opt/ml/processing/input/model/model.tar.gz"),
                *("--audio", "/opt/ml/processing/input/audio"),
                *("--manifest", "/opt/ml/processing/input/manifests/test.json"),
                *("--output", "/opt/ml/processing/output/evaluation"),
            ],
        ),
        property_files=[report],
        cache_config=CACHE,
        retry_policies=[SERVICE_RETRIES, JOB_RETRIES],
    )


def register_step(context: PipelineContext, train: TrainingStep, evaluate: ProcessingStep) -> ModelStep:
    """A version in the project's model package group, with its evaluation."""
    evaluation = uri(evaluate, "evaluation")
    builder = ModelBuilder(
        image_uri=context.image(IMAGE),
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        role_arn=context.role,
        sagemaker_session=context.session,
    )
    statistics = MetricsSource(
        content_type="application/json", s3_uri=Join(on="/", values=[evaluation, "evaluation.json"])
    )
    return ModelStep(
        "Register",
        step_args=builder.register(
            model_package_group_name=context.model_package_group_name,
            content_types=CONTENT_TYPES,
            response_types=RESPONSE_TYPES,
            inference_instances=INFERENCE_INSTANCES,
            transform_instances=TRANSFORM_INSTANCES,
            approval_status=APPROVAL_STATUS,
            model_metrics=ModelMetrics(model_statistics=statistics),
            customer_metadata_properties={
                "evaluation": evaluation,
                "pipeline_execution": ExecutionVariables.PIPELINE_EXECUTION_ARN,
            },
        ),
        retry_policies=[SERVICE_RETRIES],
    )


def processor(context: PipelineContext, source: Source) -> Processor:
    """A processor for `source`."""
    return Processor(
        role=context.role,
        image_uri=context.image(IMAGE),
        entrypoint=source.entrypoint,
        instance_type=PROCESSING_INSTANCE,
        instance_count=1,
        output_kms_key=context.kms_key,
        max_runtime_in_seconds=4 * 3600,
        sagemaker_session=context.session,
    )


def input_(name: str, s3_uri: object) -> ProcessingInput:
    """A processing input at /opt/ml/processing/input/`name`."""
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=s3_uri,
            local_path=f"/opt/ml/processing/input/{name}",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
        ),
    )


def output(context: PipelineContext, step: str, name: str) -> ProcessingOutput:
    """A processing output from /opt/ml/processing/output/`name` to a place of this execution's and step's own."""
    execution = ExecutionVariables.PIPELINE_EXECUTION_ID
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(
            s3_uri=Join(on="/", values=[f"s3://{context.bucket}/asr", execution, step, name]),
            local_path=f"/opt/ml/processing/output/{name}",
            s3_upload_mode="EndOfJob",
        ),
    )


def uri(step: ProcessingStep, output_name: str) -> object:
    """Where `step` put an output."""
    return step.properties.ProcessingOutputConfig.Outputs[output_name].S3Output.S3Uri
