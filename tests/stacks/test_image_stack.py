"""The images, what builds them, and what pins them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from modelyard.cdk_app import create_app
from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.handler import WRITE_LOG
from modelyard.image_folders import CONTAINERS, image_folders
from modelyard.settings import ConfigurationError, load_settings
from modelyard.stacks import ImageStack
from tests.synthesis import ROOT, SETTINGS, Templates, build, listed, text

IMAGES = "Modelyard-Images-us-east-1"
RETAINED = "Modelyard-Images-eu-central-1"
ADOPTED = "Modelyard-Images-eu-west-1"
TABULAR = ROOT / "modelyard" / "containers" / "tabular"


def _image(templates: Templates, stack: str = IMAGES) -> dict[str, Any]:
    properties: dict[str, Any] = templates.resource(stack, "Custom::ModelyardImage", "Tabular")["Properties"]
    return properties


def _parameter(templates: Templates, stack: str) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = templates.template(stack)["Parameters"]
    (id,) = [name for name in parameters if name.startswith("Image")]
    return id, parameters[id]


def test_a_repository_keeps_what_is_tagged_and_never_replaces_it(templates: Templates) -> None:
    repository = templates.resource(IMAGES, "AWS::ECR::Repository", "Tabular")
    properties = repository["Properties"]
    assert properties["RepositoryName"] == "modelyard/tabular"
    assert properties["ImageTagMutability"] == "IMMUTABLE"
    assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    (rule,) = json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"
    assert (repository["DeletionPolicy"], properties["EmptyOnDelete"]) == ("Delete", True)
    retained = templates.resource(RETAINED, "AWS::ECR::Repository")
    assert (retained["DeletionPolicy"], retained["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert retained["Properties"]["EmptyOnDelete"] is True, "else the roll back of a deployment that made it fails"
    assert templates.resources(ADOPTED, "AWS::ECR::Repository") == []


def test_the_project_builds_with_docker_what_each_build_is_given(templates: Templates) -> None:
    properties = templates.resource(IMAGES, "AWS::CodeBuild::Project")["Properties"]
    assert properties["Environment"]["PrivilegedMode"] is True
    assert properties["Environment"]["Type"] == "LINUX_CONTAINER"
    assert properties["Source"]["Type"] == "NO_SOURCE"
    assert properties["Source"]["BuildSpec"] == (ROOT / "modelyard" / "buildspecs" / "image.yaml").read_text()
    assert properties["TimeoutInMinutes"] + properties["QueuedTimeoutInMinutes"] < 60, "CloudFormation waits an hour"


def test_the_image_is_built_from_the_asset_under_a_tag_of_its_content(templates: Templates) -> None:
    properties = _image(templates)
    assert text(properties["RepositoryUri"]) == "111122223333.dkr.ecr.us-east-1.<?>/modelyard/tabular"
    assert text(properties["Source"]).endswith(".zip")
    assert len(properties["Tag"]) == 16
    assert properties["BuildArguments"] == {}
    assert properties["ServiceTimeout"] == "3600"


def test_a_build_may_write_its_log_and_push_what_it_builds_and_no_more(templates: Templates) -> None:
    statements = templates.statements(IMAGES, "BuilderRole")
    wide = [statement for statement in statements if "*" in str(statement["Resource"])]
    assert [statement["Action"] for statement in wide] == [
        ["logs:CreateLogStream", "logs:PutLogEvents"],  # of its own log
        "ecr:GetAuthorizationToken",
    ]
    allowed = {action for statement in statements for action in listed(statement["Action"])}
    assert {action.partition(":")[0] for action in allowed} == {"logs", "ecr", "s3"}
    (pushes,) = [statement for statement in statements if "ecr:PutImage" in statement["Action"]]
    made = {item["Properties"]["RepositoryName"] for item in templates.resources(IMAGES, "AWS::ECR::Repository")}
    pushed = {each.rpartition(":repository/")[2] for each in pushes["Resource"]}
    assert pushed == {"modelyard/tabular", "modelyard/asr/gpu"} < made
    (reads,) = [statement for statement in statements if "s3:GetObject" in statement["Action"]]
    assert all(text(resource).endswith(".zip") for resource in reads["Resource"])
    (looks,) = [statement for statement in statements if "s3:GetBucketLocation" in statement["Action"]]
    assert text(looks["Resource"]).endswith(":s3:::cdk-hnb659fds-assets-111122223333-us-east-1")


def test_the_function_may_build_and_look_and_no_more(templates: Templates) -> None:
    statements = templates.statements(IMAGES, "BuilderProviderHandlerRole")
    assert {action for statement in statements for action in listed(statement["Action"])} == {
        *("codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject", "codebuild:StartBuild"),
        *("ecr:BatchGetImage", "logs:GetLogEvents", "logs:CreateLogStream", "logs:PutLogEvents"),
        *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
        "sqs:GetQueueAttributes",
    }
    wide = [statement for statement in statements if "*" in json.dumps(statement)]
    # Of the logs of the function and of the builds, the streams.
    assert {action for statement in wide for action in listed(statement["Action"])} == {*WRITE_LOG, "logs:GetLogEvents"}
    assert {text(statement["Resource"]).rpartition(":log-group:")[2] for statement in wide} == {"<?>:*"}


def test_one_image_is_built_after_the_other(templates: Templates) -> None:
    resources = templates.template(IMAGES)["Resources"].items()
    images = {id: item["DependsOn"] for id, item in resources if item["Type"] == "Custom::ModelyardImage"}
    earlier = {id: [other for other in images if other in after] for id, after in images.items()}
    first, second = sorted(images, key=lambda id: "Tabular" not in id)
    assert earlier == {first: [], second: [first]}


def test_people_and_stacks_find_the_digest_in_parameters(templates: Templates) -> None:
    parameters = [item["Properties"] for item in templates.resources(IMAGES, "AWS::SSM::Parameter")]
    by_name = {item["Name"]: item["Value"] for item in parameters if "/tabular/" in item["Name"]}
    tagged = f"/modelyard/images/tabular/{_image(templates)['Tag']}"
    assert set(by_name) == {"/modelyard/images/tabular/uri", tagged}
    assert all(value["Fn::GetAtt"][1] == "ImageUri" for value in by_name.values())


def test_a_pipeline_pins_the_digest_of_the_image_that_its_template_was_made_with(templates: Templates) -> None:
    id, parameter = _parameter(templates, "Modelyard-dev-Abalone")
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert parameter["Default"] == f"/modelyard/images/tabular/{_image(templates)['Tag']}"
    definition = templates.resource("Modelyard-dev-Abalone", "AWS::SageMaker::Pipeline")["Properties"]
    variables = definition["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"][1]
    assert variables["ImageTabular"] == {"Ref": id}
    assert id.endswith(_image(templates)["Tag"]), "an update keeps the former value of a parameter it knows"
    assert IMAGES in templates.manifest("Modelyard-dev-Abalone")["dependencies"]


def test_no_stack_exports_a_value_that_changes_with_the_image(templates: Templates) -> None:
    for stack in (IMAGES, RETAINED, ADOPTED):
        assert "Outputs" not in templates.template(stack)


def test_an_adopted_repository_gets_its_image_all_the_same(templates: Templates) -> None:
    assert _image(templates, ADOPTED)["Tag"] == _image(templates)["Tag"]


def test_the_roles_have_the_boundary_of_the_stage(templates: Templates) -> None:
    roles = templates.resources(RETAINED, "AWS::IAM::Role")
    assert {role["Properties"]["PermissionsBoundary"] for role in roles} == {
        "arn:aws:iam::444455556666:policy/Boundary"
    }


def test_each_of_several_accounts_in_a_region_has_a_stack_of_the_same_name(tmp_path: Path) -> None:
    accounts = {"dev": "111122223333", "prod": "444455556666", "far": "111122223333"}
    regions = {"far": "eu-west-1"}
    stages = {
        stage: {"account": account, "region": regions.get(stage, "us-east-1")} for stage, account in accounts.items()
    }
    settings = tmp_path / "platform.yaml"
    settings.write_text(json.dumps({"stages": stages, "projects": {}}))
    stacks = [child for child in build(settings, tmp_path / "out").node.children if isinstance(child, ImageStack)]
    assert {stack.node.id: (stack.stack_name, stack.account) for stack in stacks} == {
        "Modelyard-Images-us-east-1-111122223333": (IMAGES, "111122223333"),
        "Modelyard-Images-us-east-1-444455556666": (IMAGES, "444455556666"),
        ADOPTED: (ADOPTED, "111122223333"),
    }


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    shutil.copytree(TABULAR, tmp_path / "tabular")
    shutil.copytree(TABULAR, tmp_path / "asr")
    (tmp_path / "asr" / "variants.json").write_text('{"cpu": {}, "gpu": {"BASE_IMAGE": "cuda@sha256:1"}}')
    return tmp_path


def _stack(containers: Path) -> ImageStack:
    stages = load_settings(SETTINGS).stages[:1]
    return ImageStack(create_app(ROOT), "Images", stages=stages, containers=containers)


def test_only_folders_that_somebody_reads_are_in_the_stack(containers: Path) -> None:
    stack = _stack(containers)
    names = [
        stack.images_for(accelerated=accelerated)[folder].name
        for folder, accelerated in (("asr", True), ("asr", True), ("asr", False), ("tabular", True))
    ]
    assert names == ["asr/gpu", "asr/gpu", "asr/cpu", "tabular"]
    images = [child for child in stack.node.children if isinstance(child, ContainerImage)]
    assert [image.node.id for image in images] == ["AsrCpu", "AsrGpu", "Tabular"]


def test_variants_that_nobody_runs_have_a_repository_and_are_not_built(containers: Path) -> None:
    stack = _stack(containers)
    for _ in range(2):
        stack.images_for(accelerated=True)["asr"].uri_for(stack)
    children = {id: stack.node.find_child(id).node.children for id in ("AsrCpu", "AsrGpu")}
    made = {id: {child.node.id for child in found} - {"Source"} for id, found in children.items()}
    assert made == {"AsrCpu": {"Repository"}, "AsrGpu": {"Repository", "Image", "Uri", "Tagged"}}


def test_projects_with_accelerators_run_the_gpu_variant_and_no_other_stage_builds_it(
    containers: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.copy(containers / "asr" / "variants.json", containers / "tabular")
    outdir = tmp_path_factory.mktemp("variants")
    build(SETTINGS, outdir, containers=containers).synth()
    templates = Templates(outdir)
    images = {
        stack: _parameter(templates, f"Modelyard-{stage}-{stack}")[1]["Default"].split("/")[4]
        for stage, stack in (("dev", "Abalone"), ("dev", "AbaloneGpu"), ("prod", "AbaloneCanary"))
    }
    assert images == {"Abalone": "cpu", "AbaloneGpu": "gpu", "AbaloneCanary": "cpu"}
    repositories = {
        stack: [item["Properties"]["RepositoryName"] for item in templates.resources(stack, "AWS::ECR::Repository")]
        for stack in (IMAGES, RETAINED)
    }
    assert repositories == {
        IMAGES: ["modelyard/tabular/cpu", "modelyard/tabular/gpu", "modelyard/asr/cpu", "modelyard/asr/gpu"],
        RETAINED: ["modelyard/tabular/cpu", "modelyard/tabular/gpu"],
    }
    built = {
        stack: [text(item["Properties"]["RepositoryUri"]).partition("/modelyard/")[2] for item in found]
        for stack in (IMAGES, RETAINED)
        if (found := templates.resources(stack, "Custom::ModelyardImage"))
    }
    assert built == {IMAGES: ["tabular/cpu", "tabular/gpu", "asr/gpu"], RETAINED: ["tabular/cpu"]}
    gpu = templates.resource(IMAGES, "Custom::ModelyardImage", "TabularGpu")["Properties"]
    assert gpu["BuildArguments"] == {"BASE_IMAGE": "cuda@sha256:1"}


def test_a_tag_changes_with_the_folder_and_its_own_arguments_alone(containers: Path) -> None:
    def tags() -> dict[str, str]:
        stack = _stack(containers)
        images = [stack.images_for(accelerated=accelerated)["asr"] for accelerated in (False, True)]
        return {image.name: image.tag for image in images}

    before = tags()
    (containers / "asr" / "variants.json").write_text('{"cpu": {}, "gpu": {"BASE_IMAGE": "cuda@sha256:2"}}')
    argued = tags()
    assert argued["asr/cpu"] == before["asr/cpu"] != before["asr/gpu"] != argued["asr/gpu"]
    (containers / "asr" / "serving.py").write_text("changed = True\n")
    changed = tags()
    assert changed["asr/cpu"] != argued["asr/cpu"]
    assert changed["asr/gpu"] != argued["asr/gpu"]


def test_a_folder_that_is_not_there_is_no_image(containers: Path) -> None:
    images = _stack(containers).images_for(accelerated=False)
    assert "vision" not in images
    assert {"asr", "tabular"} <= set(images)


def test_images_of_ones_own_stand_beside_the_librarys_and_win_over_them(tmp_path: Path) -> None:
    for name in ("tabular", "vision"):
        shutil.copytree(TABULAR, tmp_path / name)
    images = _stack(tmp_path).images_for(accelerated=False)
    assert set(images) == {*image_folders(), "vision"}
    (tmp_path / "tabular" / "own.py").touch()
    own, library = _stack(tmp_path), _stack(tmp_path / "nowhere")
    tags = [stack.images_for(accelerated=False)["tabular"].tag for stack in (own, library, _stack(CONTAINERS))]
    assert tags[0] != tags[1] == tags[2]


def test_a_wrong_file_of_variants_is_said_when_the_image_is_read(containers: Path) -> None:
    (containers / "asr" / "variants.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="received no variant"):
        _stack(containers).images_for(accelerated=False)["asr"]
