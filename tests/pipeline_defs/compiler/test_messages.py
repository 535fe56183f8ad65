"""Every way in which a pipeline can be wrong, and exactly what the compiler says of it."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelyard.pipeline_defs.compiler import PipelineDefinitionError, compile_pipeline
from tests.pipeline_defs.compiler.pipelines import write_pipeline


class Case(NamedTuple):
    """A change to the small pipeline, arguments to the compiler, and the message after the name of the file."""

    old: str
    new: str
    message: str
    arguments: dict[str, Any] = {}


PROCESSOR_SESSION = '        env={"MODE": mode, "HOME_IS": "${HOME}"},\n        sagemaker_session=context.session,\n'
SCRIPT_PROCESSOR = (
    'ScriptProcessor(command=["python3"], image_uri=context.image("tabular"), role=context.role, '
    "instance_type=instance, instance_count=1, sagemaker_session=context.session)"
)

CASES = {
    "a Python error": Case(
        '"Size", default_value=3', '"Size", default_value=three', "line 17: NameError: name 'three' is not defined"
    ),
    "a syntax error": Case(
        "def get_pipeline(context):",
        "def get_pipeline(context:",
        "SyntaxError: '(' was never closed (pipeline.py, line 16)",
    ),
    "no get_pipeline": Case(
        "def get_pipeline(",
        "def make_pipeline(",
        "get_pipeline is missing; define get_pipeline(context) that returns a Pipeline",
    ),
    "get_pipeline returns nothing": Case(
        "return Pipeline(", "Pipeline(", "get_pipeline returned None; it must return a Pipeline"
    ),
    "a condition reads a step that does not exist": Case(
        'step_name="First"',
        'step_name="Frist"',
        "step 'Check': reads or waits for 'Frist': there is no step 'Frist'; did you mean 'First'?",
    ),
    "a step waits for a step that does not exist": Case(
        'depends_on=["First"]',
        'depends_on=["Evaluate"]',
        "step 'Train': reads or waits for 'Evaluate': there is no step 'Evaluate'; "
        "there are: Check, First, Refuse, Train",
    ),
    "a step reads an output that does not exist": Case(
        "size.to_string()",
        'first.properties.ProcessingOutputConfig.Outputs["reprt"].S3Output.S3Uri',
        "step 'Train': HyperParameters.size refers to "
        "Steps.First.ProcessingOutputConfig.Outputs['reprt'].S3Output.S3Uri: there is no output 'reprt'; "
        "did you mean 'report'?",
    ),
    "a step reads a field that does not exist": Case(
        "size.to_string()",
        "first.properties.ProcesingOutputConfig",
        "line 46: AttributeError: 'Properties' object has no attribute 'ProcesingOutputConfig'",
    ),
    "a property file that does not exist": Case(
        'property_file="Report"',
        'property_file="Repport"',
        "step 'Check': Conditions[0].LeftValue.PropertyFile refers to Steps.First.PropertyFiles.Repport: "
        "there is no property file 'Repport'; did you mean 'Report'?",
    ),
    "a property file of an output that does not exist": Case(
        'output_name="report", path',
        'output_name="reports", path',
        "step 'First': property file 'Report': there is no output 'reports'; did you mean 'report'?",
    ),
    "a parameter that the pipeline does not list": Case(
        "parameters=[size, mode, instance]",
        "parameters=[mode, instance]",
        "step 'Check': Conditions[0].RightValue refers to Parameters.Size: there is no parameter 'Size'; "
        "there are: InstanceType, Mode",
    ),
    "steps that wait for each other": Case(
        "property_files=[report],\n",
        'property_files=[report],\n        depends_on=["Train"],\n',
        "step 'First': steps wait for each other: First -> Train -> First",
    ),
    "a wrong instance type": Case(
        'instance_type="ml.m5.large", instance_count=1)',
        'instance_type="ml.m5.lage", instance_count=1)',
        "step 'Train': ResourceConfig.InstanceType is 'ml.m5.lage'; it must be one of SageMaker's 225 values; "
        "did you mean 'ml.m5.large'?",
    ),
    "a wrong instance type as a parameter's default": Case(
        'default_value="ml.m5.large"',
        'default_value="ml.m5.hugee"',
        "step 'First': ProcessingResources.ClusterConfig.InstanceType is 'ml.m5.hugee' (default of the parameter "
        "InstanceType); it must be one of SageMaker's 207 values; did you mean 'ml.m5.large'?",
    ),
    "a wrong instance type from the settings": Case(
        "",
        "",
        "step 'First': ProcessingResources.ClusterConfig.InstanceType is 'ml.m5.lage' (default of the parameter "
        "InstanceType); it must be one of SageMaker's 207 values; did you mean 'ml.m5.large'?",
        {"parameters": {"InstanceType": "ml.m5.lage"}},
    ),
    "a volume key on an instance with local NVMe": Case(
        "        instance_count=1,\n        env",
        "        instance_count=1,\n        volume_kms_key=context.kms_key,\n        env",
        "step 'First': ProcessingResources.ClusterConfig.VolumeKmsKeyId is given, but SageMaker refuses a volume key "
        "on ml.g5.xlarge, whose storage is local NVMe and encrypted already; leave the key out",
        {"parameters": {"InstanceType": "ml.g5.xlarge"}},
    ),
    "a value that is none of the allowed": Case(
        's3_upload_mode="EndOfJob"',
        's3_upload_mode="AtTheEnd"',
        "step 'First': ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode is 'AtTheEnd'; "
        "it must be one of Continuous, EndOfJob",
    ),
    "a number out of range": Case(
        "        instance_count=1,\n",
        "        instance_count=0,\n",
        "step 'First': ProcessingResources.ClusterConfig.InstanceCount is 0; "
        "it must have value greater than or equal to 1",
    ),
    "a number where text is needed": Case(
        "size.to_string()",
        "size",
        "step 'Train': HyperParameters.size is 3 (default of the parameter Size); it must be of type string",
    ),
    "a step's name": Case(
        'FailStep("Refuse"',
        'FailStep("Refuse it"',
        "step 'Refuse it': Name is 'Refuse it'; it must satisfy regular expression pattern: [A-Za-z0-9\\-_]*",
    ),
    "two steps of one name": Case(
        '"Train", step_args',
        '"First", step_args',
        "step 'First': ValueError: Pipeline steps cannot have duplicate names. In addition, steps added in the "
        "ConditionStep or ForEachStep cannot be added in the Pipeline steps list.",
    ),
    "a default for a parameter that does not exist": Case(
        "",
        "",
        "parameters.InstanceTyp: there is no parameter 'InstanceTyp'; did you mean 'InstanceType'?",
        {"parameters": {"InstanceTyp": "ml.m5.large"}},
    ),
    "a default of the wrong type": Case(
        "", "", "parameters.Size is 'three'; it must be of type Integer", {"parameters": {"Size": "three"}}
    ),
    "a truth value as a number": Case(
        "", "", "parameters.Size is True; it must be of type Integer", {"parameters": {"Size": True}}
    ),
    "a default that is none of the allowed": Case(
        "", "", "parameters.Mode is 'medium'; it must be one of fast, slow", {"parameters": {"Mode": "medium"}}
    ),
    "a source file that does not exist": Case(
        'context.source("step.py")',
        'context.source("stap.py")',
        "line 20: source('stap.py'): there is no file 'stap.py' in {folder}",
    ),
    "a source file outside the folder": Case(
        'context.source("step.py")',
        'context.source("step.py", "../outside.py")',
        "line 20: source('step.py'): there is no file '../outside.py' in {folder}",
    ),
    "two scripts of one name in the template": Case(
        "    processor = Processor",
        '    context.source("step.md")\n    processor = Processor',
        "line 21: source('step.md'): its name in the template, CodeStep, is that of 'step.py' too; rename one",
    ),
    "one script in two bundles": Case(
        "    processor = Processor",
        '    context.source("step.py", "pipeline.py")\n    processor = Processor',
        "line 21: source('step.py'): bundled twice, with [] and with ['pipeline.py']; "
        "make one source and give it to both steps",
    ),
    "a part of a value that only the deployment knows": Case(
        "s3://{context.bucket}/report",
        "s3://{context.bucket[:20]}/report",
        "Steps[0].Arguments.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri is 's3://modelyard-sentinel-b/report', "
        "which holds a part of a value of context; only the deployment knows these values: put them into strings whole",
    ),
    "an upload by the SDK": Case(
        "processor.run(inputs=[source.processing_input()]",
        f'{SCRIPT_PROCESSOR}.run(code=__file__.replace("pipeline.py", "step.py")',
        "step 'First': compiling a pipeline must not upload, and tried {folder}/step.py; "
        "name the files with context.source(…) instead of giving the SDK local code",
    ),
    "an AWS call": Case(
        "    size = ",
        '    context.session.boto_session.client("s3").list_buckets()\n    size = ',
        "line 17: compiling a pipeline must not call AWS, and tried GET https://s3.eu-central-1.amazonaws.com/",
    ),
    "an AWS call outside the session": Case(
        "    size = ",
        '    import boto3; boto3.client("s3").list_buckets()\n    size = ',
        "line 17: compiling a pipeline must not open connections, and tried s3.eu-central-1.amazonaws.com; "
        "give every SDK object sagemaker_session=context.session",
    ),
    "subnets without a security group": Case(
        "",
        "",
        "network: 2 subnets and 0 security groups; jobs in a VPC need at least one of each",
        {"subnets": 2},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_pipeline_is_refused_with_one_message_that_says_where_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    folder = write_pipeline(tmp_path / "small", case.old, case.new)
    with pytest.raises(PipelineDefinitionError) as refusal:
        compile_pipeline(folder, region="eu-central-1", cache_dir=tmp_path / "cache", **case.arguments)
    assert str(refusal.value) == f"{folder / 'pipeline.py'}: {case.message.replace('{folder}', str(folder))}"
    assert not (tmp_path / "cache").exists()


def test_a_name_that_the_sdk_made_from_the_time_is_refused(tmp_path: Path) -> None:
    folder = write_pipeline(
        tmp_path / "small",
        "    train = TrainingStep",
        "    trainer.with_checkpoint_config(CheckpointConfig())\n    train = TrainingStep",
    )
    with pytest.raises(
        PipelineDefinitionError, match=r"step 'Train': CheckpointConfig.S3Uri is '.*-\d{14}/"
    ) as refusal:
        compile_pipeline(folder, region="eu-central-1", cache_dir=tmp_path / "cache")
    assert str(refusal.value).endswith("a name made from the time; give one of your own")


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineDefinitionError) as refusal:
        compile_pipeline(tmp_path, region="eu-central-1")
    assert str(refusal.value) == f"{tmp_path}: no pipeline.py here; it must define get_pipeline(context)"
