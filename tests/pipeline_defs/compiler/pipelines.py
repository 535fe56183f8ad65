"""A small pipeline for the compiler's tests, and how to change it."""

from pathlib import Path

PIPELINE = """
from sagemaker.core.processing import Processor, ScriptProcessor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.training.configs import CheckpointConfig, Compute
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.functions import JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer


def get_pipeline(context):
    size = ParameterInteger("Size", default_value=3)
    mode = ParameterString("Mode", default_value="fast", enum_values=["fast", "slow"])
    instance = ParameterString("InstanceType", default_value="ml.m5.large")
    source = context.source("step.py")
    processor = Processor(
        role=context.role,
        image_uri=context.image("tabular"),
        entrypoint=source.entrypoint,
        instance_type=instance,
        instance_count=1,
        env={"MODE": mode, "HOME_IS": "${HOME}"},
        sagemaker_session=context.session,
    )
    output = ProcessingOutput(
        output_name="report",
        s3_output=ProcessingS3Output(
            s3_uri=f"s3://{context.bucket}/report", local_path="/opt/ml/processing/out", s3_upload_mode="EndOfJob"
        ),
    )
    report = PropertyFile(name="Report", output_name="report", path="report.json")
    first = ProcessingStep(
        "First",
        step_args=processor.run(inputs=[source.processing_input()], outputs=[output]),
        property_files=[report],
    )
    trainer = ModelTrainer(
        training_image=context.image("tabular"),
        role=context.role,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"size": size.to_string()},
        input_data_config=[source.training_input()],
        sagemaker_session=context.session,
    )
    train = TrainingStep("Train", step_args=trainer.train(), depends_on=["First"])
    value = JsonGet(step_name="First", property_file="Report", json_path="value")
    check = ConditionStep(
        "Check",
        conditions=[ConditionLessThanOrEqualTo(left=value, right=size)],
        if_steps=[train],
        else_steps=[FailStep("Refuse", error_message="too large")],
    )
    return Pipeline(
        "small", parameters=[size, mode, instance], steps=[first, check], sagemaker_session=context.session
    )
"""


def write_pipeline(folder: Path, old: str = "", new: str = "") -> Path:
    """Write the small pipeline to `folder`, with `old`, which must be in it, replaced by `new`."""
    assert old in PIPELINE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.py").write_text(PIPELINE.replace(old, new) if old else PIPELINE)
    (folder / "step.py").write_text("print('a step')\n")
    (folder / "step.md").write_text("A step.\n")
    (folder.parent / "outside.py").write_text("print('outside')\n")
    return folder
