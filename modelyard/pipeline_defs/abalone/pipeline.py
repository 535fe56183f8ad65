"""The abalone pipeline: preprocess, train, evaluate, and register the model if its RMSE is low enough."""

from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
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

IMAGE = "tabular"
MEDIA_TYPES = ["text/csv", "application/json"]
INFERENCE_INSTANCES = ["ml.t2.medium", "ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge"]
TRANSFORM_INSTANCES = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge"]

PROCESSING_INSTANCE = ParameterString("ProcessingInstanceType", default_value="ml.m5.large")
TRAINING_INSTANCE = ParameterString("TrainingInstanceType", default_value="ml.m5.large")
RMSE_THRESHOLD = ParameterFloat("RmseThreshold", default_value=2.6)
APPROVAL_STATUS = ParameterString(
    "ModelApprovalStatus",
    default_value="PendingManualApproval",
    enum_values=["PendingManualApproval", "Approved", "Rejected"],
)
# By the names that train.py gives them.
HYPERPARAMETERS = {
    "max_depth": ParameterInteger("MaxDepth", default_value=5),
    "eta": ParameterFloat("Eta", default_value=0.1),
    "num_round": ParameterInteger("NumRound", default_value=200),
    "subsample": ParameterFloat("Subsample", default_value=0.8),
    "min_child_weight": ParameterFloat("MinChildWeight", default_value=6.0),
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
    input_data = ParameterString("InputDataUri", default_value=f"s3://{context.data_bucket}/abalone/")
    preprocess = preprocess_step(context, input_data)
    train = train_step(context, preprocess)
    report = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
    evaluate = evaluate_step(context, preprocess, train, report)
    rmse = JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.rmse.value")
    refuse = FailStep(
        "Refuse", error_message=Join(on=" ", values=["RMSE", rmse, "is above the threshold", RMSE_THRESHOLD])
    )
    check = ConditionStep(
        "CheckRmse",
        conditions=[ConditionLessThanOrEqualTo(left=rmse, right=RMSE_THRESHOLD)],
        if_steps=[register_step(context, train, evaluate)],
        else_steps=[refuse],
    )
    parameters = [input_data, PROCESSING_INSTANCE, TRAINING_INSTANCE, RMSE_THRESHOLD, APPROVAL_STATUS]
    return Pipeline(
        "abalone",
        parameters=[*parameters, *HYPERPARAMETERS.values()],
        steps=[preprocess, train, evaluate, check],
        # Otherwise each execution makes a SageMaker experiment, which no stack owns and so none takes away.
        pipeline_experiment_config=None,
        sagemaker_session=context.session,
    )


def preprocess_step(context: PipelineContext, input_data: ParameterString) -> ProcessingStep:
    """Split the data and fit the transform."""
    source = context.source("preprocess.py", "features.py")
    outputs = [output(context, name) for name in ("train", "validation", "test", "transform")]
    arguments = ["--input", "/opt/ml/processing/input/data", "--output", "/opt/ml/processing/output"]
    return ProcessingStep(
        "Preprocess",
        step_args=processor(context, source).run(
            inputs=[source.processing_input(), input_("data", input_data)], outputs=outputs, arguments=arguments
        ),
        cache_config=CACHE,
        retry_policies=[SERVICE_RETRIES, JOB_RETRIES],
    )


def train_step(context: PipelineContext, preprocess: ProcessingStep) -> TrainingStep:
    """Train on the rows and the transform that `preprocess` made."""
    source = context.source("train.py", "features.py", "inference.py")
    channels = [InputData(channel_name=name, data_source=uri(preprocess, name)) for name in ("train", "validation")]
    trainer = ModelTrainer(
        training_image=context.image(IMAGE),
        role=context.role,
        base_job_name="abalone",
        compute=Compute(instance_type=TRAINING_INSTANCE, instance_count=1, volume_size_in_gb=30),
        hyperparameters={
            **source.hyperparameters(),
            **{name: parameter.to_string() for name, parameter in HYPERPARAMETERS.items()},
        },
        input_data_config=[
            *channels,
            InputData(channel_name="transform", data_source=uri(preprocess, "transform")),
            source.training_input(),
        ],
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{context.bucket}/abalone/models", kms_key_id=context.kms_key
        ),
        sagemaker_session=context.session,
    )
    return TrainingStep(
        "Train", step_args=trainer.train(), cache_config=CACHE, retry_policies=[SERVICE_RETRIES, JOB_RETRIES]
    )


def evaluate_step(
    context: PipelineContext, preprocess: ProcessingStep, train: TrainingStep, report: PropertyFile
) -> ProcessingStep:
    """Measure the model on the test rows."""
    source = context.source("evaluate.py")
    return ProcessingStep(
        "Evaluate",
        step_args=processor(context, source).run(
            inputs=[
                source.processing_input(),
                input_("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                input_("test", uri(preprocess, "test")),
            ],
            outputs=[output(context, "evaluation")],
            arguments=[
                *("--model", "/opt/ml/processing/input/model/model.tar.gz"),
                *("--test", "/opt/ml/processing/input/test/test.csv"),
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
        env_vars={"SAGEMAKER_PROGRAM": "inference.py"},
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
            content_types=MEDIA_TYPES,
            response_types=MEDIA_TYPES,
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
        max_runtime_in_seconds=3600,
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


def output(context: PipelineContext, name: str) -> ProcessingOutput:
    """A processing output from /opt/ml/processing/output/`name` to a place of this execution's own."""
    execution = ExecutionVariables.PIPELINE_EXECUTION_ID
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(
            s3_uri=Join(on="/", values=[f"s3://{context.bucket}/abalone", execution, name]),
            local_path=f"/opt/ml/processing/output/{name}",
            s3_upload_mode="EndOfJob",
        ),
    )


def uri(step: ProcessingStep, output_name: str) -> object:
    """Where `step` put an output."""
    return step.properties.ProcessingOutputConfig.Outputs[output_name].S3Output.S3Uri
