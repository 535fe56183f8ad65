"""The pipeline from a commit to the last stage, in one account and in several."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from modelyard import names
from modelyard.lambdas.delivery.assembly import stacks_of
from tests.stacks.deliveries import (
    DELIVERY,
    IN_ONE_ACCOUNT,
    SETTINGS,
    Declaration,
    action,
    actions,
    pipeline,
    stages_of,
)
from tests.synthesis import ROOT, Templates, build, scrubbed

TOOLS = "222233334444"


def test_the_pipeline_is_of_type_v2_and_lets_a_commit_overtake_another(delivery: Templates) -> None:
    properties = pipeline(delivery)
    assert properties["PipelineType"] == "V2"
    assert properties["ExecutionMode"] == "SUPERSEDED"
    assert properties["RestartExecutionOnUpdate"] is True
    assert properties["Name"] == "modelyard-delivery"


def test_a_commit_goes_through_the_stages_in_their_order(delivery: Templates, in_one_account: Templates) -> None:
    before = ["Source", "Test", "Assets", "Update", "Images"]
    assert list(stages_of(delivery)) == [*before, "Deploy-dev", "Deploy-staging", "Deploy-prod"]
    assert list(stages_of(in_one_account)) == [*before, "Deploy-dev", "Deploy-prod"]


def test_the_first_stage_trains_and_the_others_are_planned_gated_promoted_to_and_tested(delivery: Templates) -> None:
    foundation, serving = ([f"{stack}.Prepare", f"{stack}.Deploy"] for stack in ("Foundation", "Serving"))
    common = [*foundation, *serving, "Abalone.Prepare", "Abalone.Deploy"]
    assert _order(stages_of(delivery)["Deploy-dev"]) == [*([name] for name in common), ["Train"]]
    assert _order(stages_of(delivery)["Deploy-prod"]) == [
        *(["Plan"], ["Gate"]),
        *([name] for name in [*foundation, *serving]),
        *(["Abalone.Prepare", "AbaloneEu.Prepare"], ["Abalone.Deploy", "AbaloneEu.Deploy"]),
        *(["Promote"], ["SmokeTest"]),
    ]


def _order(declared: list[Declaration]) -> list[list[str]]:
    """The names of the actions that run at once, in the order in which they run."""
    orders = sorted({each["RunOrder"] for each in declared})
    return [sorted(each["Name"] for each in declared if each["RunOrder"] == order) for order in orders]


@pytest.mark.parametrize("fixture", ["delivery", "in_one_account"])
def test_each_stack_of_the_assembly_is_deployed_as_the_assembly_says(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    templates: Templates = request.getfixturevalue(fixture)
    manifest = json.loads((templates.folder / "manifest.json").read_text())["artifacts"]
    expected = {}
    for id, artifact in manifest.items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        account, region = artifact["environment"].removeprefix("aws://").split("/")
        properties = artifact["properties"]
        roles = [properties[key] for key in ("assumeRoleArn", "cloudFormationExecutionRoleArn")]
        place = (account, region, properties.get("stackName", id))
        expected[place] = (properties["templateFile"], *(role.replace("${AWS::Partition}", "aws") for role in roles))
    deployed = {}
    for each in actions(templates):
        configuration = each["Configuration"]
        if each["ActionTypeId"]["Provider"] == "CloudFormation" and "TemplatePath" in configuration:
            account = each["RoleArn"].split(":")[4]
            place = (account, each["Region"], configuration["StackName"])
            template = configuration["TemplatePath"].removeprefix("Assembly::")
            deployed[place] = (template, each["RoleArn"], configuration["RoleArn"])
    by_hand = {place for place in expected if place[2].startswith("Modelyard-Delivery-") or "-lab-" in place[2]}
    undelivered_images = {("444455556666", "us-east-1", "Modelyard-Images-us-east-1")}
    assert deployed == {
        place: found
        for place, found in expected.items()
        if place not in by_hand | (undelivered_images if fixture == "in_one_account" else set())
    }


def test_a_change_set_is_made_of_the_assembly_and_then_executed(delivery: Templates) -> None:
    prepare, deploy = (action(delivery, "Deploy-dev", f"Abalone.{step}") for step in ("Prepare", "Deploy"))
    assert prepare["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
    assert deploy["Configuration"] == {
        "ActionMode": "CHANGE_SET_EXECUTE",
        "StackName": "Modelyard-dev-Abalone",
        "ChangeSetName": prepare["Configuration"]["ChangeSetName"],
    }
    assert prepare["InputArtifacts"] == [{"Name": "Assembly"}]


def test_the_pipeline_updates_its_own_stack_alone_before_anything_is_deployed(delivery: Templates) -> None:
    (update,) = stages_of(delivery)["Update"]
    assert update["Configuration"]["ActionMode"] == "CREATE_UPDATE"
    assert update["Configuration"]["StackName"] == DELIVERY
    creating = [each for each in actions(delivery) if each["Configuration"].get("ActionMode") == "CREATE_UPDATE"]
    assert creating == [update]


def test_an_image_is_handed_to_other_accounts_by_digest(delivery: Templates) -> None:
    (id,) = delivery.template("Modelyard-Images-eu-central-1")["Outputs"]
    assert id.startswith("ImageTabular")
    overrides = action(delivery, "Deploy-prod", "Abalone.Prepare")["Configuration"]["ParameterOverrides"]
    assert json.loads(overrides) == {id: f"#{{ImagesEuCentral1.{id}}}"}
    assert action(delivery, "Images", "ImagesEuCentral1.Deploy")["Namespace"] == "ImagesEuCentral1"
    parameter = delivery.template("Modelyard-prod-Abalone")["Parameters"][id]
    assert (parameter["Type"], "Default" in parameter) == ("String", False)
    _, variables = delivery.pipeline("Modelyard-prod-Abalone")
    assert variables["ImageTabular"] == {"Ref": id}


def test_a_new_image_does_not_change_the_pipeline_and_so_cancels_nothing_at_a_gate(
    delivery: Templates, tmp_path: Path
) -> None:
    folder = tmp_path / "containers" / "tabular"
    shutil.copytree(ROOT / "modelyard" / "containers" / "tabular", folder)
    (folder / "serving.py").write_text("# Changed.\n")
    build(SETTINGS, tmp_path / "out", containers=folder.parent).synth()
    changed = Templates(tmp_path / "out")
    images = "Modelyard-Images-eu-central-1"
    assert changed.template(images) != delivery.template(images)
    assert changed.template(images)["Outputs"].keys() == delivery.template(images)["Outputs"].keys()
    assert pipeline(changed) == pipeline(delivery)


def test_an_image_is_found_in_its_own_account_as_without_a_delivery(in_one_account: Templates) -> None:
    prepare = action(in_one_account, "Deploy-prod", "Abalone.Prepare")["Configuration"]
    assert "ParameterOverrides" not in prepare
    parameters = in_one_account.template("Modelyard-prod-Abalone")["Parameters"]
    (image,) = [parameter for id, parameter in parameters.items() if id.startswith("Image")]
    assert image["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert "Outputs" not in in_one_account.template("Modelyard-Images-us-east-1-111122223333")


def test_roles_of_the_stages_in_other_accounts_may_pull(delivery: Templates, in_one_account: Templates) -> None:
    repository = delivery.resource("Modelyard-Images-us-east-1", "AWS::ECR::Repository")["Properties"]
    (statement,) = repository["RepositoryPolicyText"]["Statement"]
    accounts = ["111122223333", "444455556666"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
    assert all(":role/" in role for role in statement["Condition"]["ArnLike"]["aws:PrincipalArn"])
    assert not any("Put" in name or "Upload" in name for name in statement["Action"])
    own = in_one_account.resource("Modelyard-Images-us-east-1-111122223333", "AWS::ECR::Repository")
    assert "RepositoryPolicyText" not in own["Properties"]
    pulled = [
        statement["Resource"]
        for statement in delivery.statements("Modelyard-prod-Foundation", "RolesJob")
        if "ecr:GetDownloadUrlForLayer" in statement["Action"]
    ]
    assert pulled == [
        [f"arn:aws:ecr:eu-central-1:{account}:repository/modelyard/*" for account in (TOOLS, "777788889999")]
    ]


def test_a_stage_that_is_not_delivered_to_stays_as_it_would_be(in_one_account: Templates) -> None:
    assert "Modelyard-Images-us-east-1-444455556666" in in_one_account.stacks()
    foundation = in_one_account.resources("Modelyard-lab-Foundation", "AWS::IAM::Role")
    assert not [role for role in foundation if "RoleName" in role["Properties"]]


def test_commits_of_a_repository_start_the_pipeline_by_branch_and_path(in_one_account: Templates) -> None:
    (source,) = stages_of(in_one_account)["Source"]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert source["Configuration"]["DetectChanges"] == "false"
    assert source["Configuration"]["FullRepositoryId"] == "my-team/my-platform"
    assert pipeline(in_one_account)["Triggers"] == [
        {
            "ProviderType": "CodeStarSourceConnection",
            "GitConfiguration": {
                "SourceActionName": "Source",
                "Push": [
                    {
                        "Branches": {"Includes": ["main"]},
                        "FilePaths": {"Includes": ["platform.yaml", "pipelines/**"]},
                    }
                ],
            },
        }
    ]
    buckets = [item["Properties"]["BucketName"] for item in in_one_account.resources(DELIVERY, "AWS::S3::Bucket")]
    assert not [name for name in buckets if "-source-" in name]


def test_a_zip_file_in_the_source_bucket_starts_the_pipeline(delivery: Templates) -> None:
    bucket = delivery.resource(DELIVERY, "AWS::S3::Bucket", "StoreSource")["Properties"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketName"] == f"modelyard-delivery-source-{TOOLS}-us-east-1"
    rule = delivery.resource(DELIVERY, "AWS::Events::Rule", "SourceChanged")["Properties"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": ["source.zip"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == f"arn:aws:codepipeline:us-east-1:{TOOLS}:modelyard-delivery"
    (source,) = stages_of(delivery)["Source"]
    assert source["Configuration"]["PollForSourceChanges"] == "false"
    assert "Triggers" not in pipeline(delivery)


def test_a_gate_shows_what_was_found_in_the_stage_before_and_the_plan(delivery: Templates) -> None:
    first, second = (action(delivery, f"Deploy-{stage}", "Gate")["Configuration"] for stage in ("staging", "prod"))
    assert first["CustomData"] == "#{Train.EVALUATION}\n#{PlanStaging.SUMMARY}"
    assert second["CustomData"] == "#{SmokeTestStaging.TESTED}\n#{PlanProd.SUMMARY}"
    assert second["ExternalEntityLink"] == "#{PlanProd.LINK}"
    assert action(delivery, "Deploy-prod", "Plan")["Namespace"] == "PlanProd"
    assert action(delivery, "Deploy-dev", "Train")["Namespace"] == "Train"
    assert action(delivery, "Deploy-staging", "SmokeTest")["Namespace"] == "SmokeTestStaging"


def test_functions_are_told_their_stages_and_no_project(delivery: Templates) -> None:
    dev = {"name": "dev", "account": "111122223333", "region": "us-east-1"}
    staging = {"name": "staging", "account": "444455556666", "region": "us-east-1"}

    def parameters(stage: str, name: str) -> Any:
        return json.loads(action(delivery, stage, name)["Configuration"]["UserParameters"])

    assert parameters("Test", "Verdict") == {"result": "#{Test.RESULT}"}
    assert parameters("Deploy-dev", "Train") == {"stage": dev}
    assert parameters("Deploy-staging", "Promote") == {"source": dev, "target": staging}
    assert parameters("Deploy-staging", "SmokeTest") == {"stage": staging}
    planned = parameters("Deploy-staging", "Plan")
    (id,) = planned["parameters"]
    assert planned == {
        "stage": staging,
        "stacks": "Modelyard-staging-",
        "review": "modelyard-review",
        "parameters": {id: f"#{{ImagesUsEast1.{id}}}"},
    }
    assert action(delivery, "Deploy-staging", "Plan")["InputArtifacts"] == [{"Name": "Assembly"}]


def test_builds_run_the_files_of_the_library(delivery: Templates) -> None:
    projects = {
        item["Properties"]["Name"]: item["Properties"]
        for item in delivery.resources(DELIVERY, "AWS::CodeBuild::Project")
    }
    assert set(projects) == {"modelyard-delivery-verify", "modelyard-delivery-assets"}
    for purpose in names.DELIVERY_BUILDS:
        project = projects[names.delivery_project(purpose)]
        buildspec = (ROOT / "modelyard" / "buildspecs" / f"{purpose}.yaml").read_text()
        assert project["Source"] == {"Type": "CODEPIPELINE", "BuildSpec": buildspec}
        assert "EnvironmentVariables" not in project["Environment"]
    assert action(delivery, "Test", "Test")["OutputArtifacts"] == [{"Name": "Assembly"}]


def test_another_region_has_artifacts_of_its_own_which_the_pipeline_knows_by_name(delivery: Templates) -> None:
    other = delivery.resource("Modelyard-Delivery-eu-central-1", "AWS::S3::Bucket", "StoreArtifacts")["Properties"]
    own, far = sorted(pipeline(delivery)["ArtifactStores"], key=lambda store: str(store["Region"] != "us-east-1"))
    assert (own["Region"], far["Region"]) == ("us-east-1", "eu-central-1")
    assert far["ArtifactStore"]["Location"] == other["BucketName"]
    alias = delivery.resource("Modelyard-Delivery-eu-central-1", "AWS::KMS::Alias")["Properties"]["AliasName"]
    assert far["ArtifactStore"]["EncryptionKey"]["Id"] == f"arn:aws:kms:eu-central-1:{TOOLS}:{alias}"
    assert "Modelyard-Delivery-eu-central-1" in delivery.manifest(DELIVERY)["dependencies"]


def test_failures_and_gates_are_told_of(delivery: Templates) -> None:
    subscription = delivery.resource(DELIVERY, "AWS::SNS::Subscription")["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    rules = [
        item["Properties"]
        for item in delivery.resources(DELIVERY, "AWS::Events::Rule")
        if item["Properties"]["EventPattern"]["source"] == ["aws.codepipeline"]
    ]
    assert {rule["EventPattern"]["detail-type"][0]: rule["EventPattern"]["detail"]["state"] for rule in rules} == {
        "CodePipeline Pipeline Execution State Change": ["FAILED", "CANCELED"],
        "CodePipeline Action Execution State Change": ["FAILED"],
    }
    for rule in rules:
        assert rule["EventPattern"]["detail"]["pipeline"] == ["modelyard-delivery"]
        transformer = rule["Targets"][0]["InputTransformer"]
        message = json.loads(transformer["InputTemplate"])
        assert all(f"<{name}>" in message for name in transformer["InputPathsMap"])
    gate = action(delivery, "Deploy-prod", "Gate")["Configuration"]["NotificationArn"]
    assert gate == rules[0]["Targets"][0]["Arn"]


def test_the_pipeline_is_made_after_what_it_runs_on_and_tells(delivery: Templates) -> None:
    (made,) = delivery.resources(DELIVERY, "AWS::CodePipeline::Pipeline")
    resources = delivery.template(DELIVERY)["Resources"]
    kinds = ("AWS::CodeBuild::Project", "AWS::Lambda::Function", "AWS::SNS::TopicPolicy")
    needed = {id for id, item in resources.items() if item["Type"] in kinds and not id.startswith("StoreEmptier")}
    assert len(needed) > 6
    assert needed <= set(made["DependsOn"])


def test_what_is_retained_and_what_is_disposable(delivery: Templates, in_one_account: Templates) -> None:
    for item in (*delivery.resources(DELIVERY, "AWS::S3::Bucket"), *delivery.resources(DELIVERY, "AWS::KMS::Key")):
        assert item["DeletionPolicy"] == "RetainExceptOnCreate"
    emptied = in_one_account.resources(DELIVERY, "Custom::ModelyardEmptied")
    assert len(emptied) == len(in_one_account.resources(DELIVERY, "AWS::S3::Bucket")) == 2
    assert delivery.manifest(DELIVERY)["properties"]["terminationProtection"] is True


def test_the_function_that_plans_reads_the_stacks_of_a_stage_from_the_assembly(delivery: Templates) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for path in delivery.folder.glob("*.json"):
            written.write(path, path.name)
    with zipfile.ZipFile(archive) as read:
        found = {stack.name: stack for stack in stacks_of(read, names.stage_stacks("prod"))}
    assert sorted(found) == sorted(name for name in delivery.stacks() if name.startswith("Modelyard-prod-"))
    abalone, foundation = found["Modelyard-prod-Abalone"], found["Modelyard-prod-Foundation"]
    assert foundation.needs == ()
    assert {stack for stack, _ in abalone.needs} == {"Modelyard-prod-Foundation", "Modelyard-prod-Serving"}
    outputs = delivery.template("Modelyard-prod-Foundation")["Outputs"]
    assert all(output in outputs for stack, output in abalone.needs if stack == foundation.name)
    (image,) = [name for name, has_default in abalone.parameters.items() if not has_default]
    assert image.startswith("ImageTabular")
    assert abalone.template_object.startswith("cdk-hnb659fds-assets-777788889999-eu-central-1/")
    prepare = action(delivery, "Deploy-prod", "Abalone.Prepare")
    assert (abalone.deploy_role, abalone.execution_role) == (prepare["RoleArn"], prepare["Configuration"]["RoleArn"])


def test_a_second_synthesis_makes_the_same(in_one_account: Templates, tmp_path: Path) -> None:
    build(IN_ONE_ACCOUNT, tmp_path).synth()
    again = Templates(tmp_path)
    assert again.stacks() == in_one_account.stacks()


def test_a_delivery_may_stand_in_a_region_of_its_own(tmp_path: Path) -> None:
    stages = {"dev": {"account": "111122223333", "region": "us-east-1"}}
    settings = {"stages": stages, "delivery": {"account": TOOLS, "region": "eu-west-1"}}
    (tmp_path / "platform.yaml").write_text(json.dumps(settings))
    build(tmp_path / "platform.yaml", tmp_path / "out").synth()
    templates = Templates(tmp_path / "out")
    stores = {store["Region"] for store in pipeline(templates)["ArtifactStores"]}
    assert stores == {"eu-west-1", "us-east-1"}
    (update,) = stages_of(templates)["Update"]
    assert (update["Region"], update["RoleArn"].split("-")[-3:]) == ("eu-west-1", ["eu", "west", "1"])
    assert [each["Name"] for each in stages_of(templates)["Deploy-dev"]][-1] == "Train"


@pytest.mark.parametrize("stack", [DELIVERY, "Modelyard-prod-Foundation"])
def test_a_template_is_as_agreed(stack: str, delivery: Templates, snapshot: SnapshotAssertion) -> None:
    assert scrubbed(delivery.template(stack)) == snapshot.use_extension(JSONSnapshotExtension)(name=stack)
