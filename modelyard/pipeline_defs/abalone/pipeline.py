"""The abalone pipeline."""

from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep

from modelyard.pipeline_defs.compiler import PipelineContext


def get_pipeline(context: PipelineContext) -> Pipeline:
    """Preprocess."""
    input_data = ParameterString("InputDataUri", default_value=f"s3://{context.data_bucket}/abalone/abalone.csv")
    instance_type = ParameterString("ProcessingInstanceType", default_value="ml.m5.large")
    source = context.source("preprocess.py")
    processor = Processor(
        role=context.role,
        image_uri=context.image("tabular"),
        entrypoint=source.entrypoint,
        instance_type=instance_type,
        instance_count=1,
        output_kms_key=context.kms_key,
        sagemaker_session=context.session,
    )
    step = ProcessingStep(
        "Preprocess",
        step_args=processor.run(
            inputs=[source.processing_input()],
            outputs=[
                ProcessingOutput(
                    output_name="train",
                    s3_output=ProcessingS3Output(
                        s3_uri=f"s3://{context.bucket}/abalone/x",
                        local_path="/opt/ml/processing/output/train",
                        s3_upload_mode="EndOfJob",
                    ),
                )
            ],
        ),
    )
    return Pipeline("abalone", parameters=[input_data, instance_type], steps=[step], sagemaker_session=context.session)
