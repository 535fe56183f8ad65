"""What single constructs stand on in a stack that has nothing else of Modelyard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Environment, NestedStack, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from modelyard import (
    ApprovalHook,
    ArtifactStore,
    Capacity,
    ConfigurationError,
    ExecutionRoles,
    Ledger,
    ModelRegistry,
    StackDefaults,
    names,
)
from tests.foreign.stacks import NETWORK, Template, add_endpoint, add_pipeline, bare_stack, ten_lines


@pytest.fixture(scope="module")
def rings() -> Template:
    stack = bare_stack()
    ten_lines(stack)
    return Template(stack)


def test_one_set_of_parts_is_made_and_named_after_the_stack(rings: Template) -> None:
    assert [key["AliasName"] for key in rings.of("AWS::KMS::Alias")] == ["alias/modelyard-rings"]
    assert {bucket["BucketName"] for bucket in rings.of("AWS::S3::Bucket")} == {
        f"modelyard-rings-{purpose}-111122223333-eu-west-1" for purpose in ("data", "artifacts", "capture", "logs")
    }
    assert [table["TableName"] for table in rings.of("AWS::DynamoDB::Table")] == ["modelyard-rings-ledger"]
    assert [each["RepositoryName"] for each in rings.of("AWS::ECR::Repository")] == ["modelyard/rings/tabular"]
    assert len(rings.of("AWS::SNS::Topic")) == 1
    parameters = {each["Name"] for each in rings.of("AWS::SSM::Parameter")}
    assert {f"/modelyard/rings/platform/{key}" for key in ("data-bucket", "ledger-table", "queue-url")} < parameters
    assert "/modelyard/images/rings/tabular/uri" in parameters
    (declared,) = rings.of("Custom::ModelyardEndpoint")
    assert declared["ParameterName"] == "/modelyard/rings/rings/endpoint"


def test_the_roles_may_what_the_constructs_names_ask_for(rings: Template) -> None:
    registering = rings.policies("ModelyardRolesPipelineOtherPipelines")
    assert ":model-package-group/rings" in registering
    assert ":model-package/rings/*" in registering
    for function in ("Reconcile", "Lifetime"):
        policy = rings.policies(f"ModelyardApprovalHook{function}Other")
        for resource in ("endpoint/rings", "endpoint-config/rings-*", "model/rings-*", "alarm:rings-*"):
            assert f"eu-west-1:111122223333:{resource}" in policy, (function, resource)
    assert "sagemaker:CreateEndpoint" in rings.policies("ModelyardApprovalHookReconcileOther")
    assert "sagemaker:CreateEndpoint" not in rings.policies("ModelyardApprovalHookLifetimeOther")


def test_names_that_begin_as_those_of_the_stage_need_nothing_more() -> None:
    stack = bare_stack()
    registry = ModelRegistry(stack, "Registry", model_package_group_name="modelyard-rings-age")
    add_endpoint(stack, registry, endpoint_name="modelyard-rings-age")
    assert Template(stack).policies("ModelyardApprovalHookReconcileOther") == "[]"


def test_the_endpoint_goes_before_the_hook_that_deletes_it(rings: Template) -> None:
    (declaration,) = (each for each in rings.resources.values() if each["Type"] == "Custom::ModelyardEndpoint")
    hook = {id for id in rings.resources if id.startswith("ModelyardApprovalHookReconcile")}
    assert len(hook) > 3
    assert hook <= set(declaration["DependsOn"])


def test_what_holds_state_is_retained_unless_it_may_go(rings: Template) -> None:
    stack = bare_stack()
    StackDefaults(stack, retain=False)
    ten_lines(stack)
    leaving = Template(stack)
    stateful = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::ECR::Repository"}
    stateful.add("AWS::SageMaker::ModelPackageGroup")
    for template, policy in ((leaving, "Delete"), (rings, "Retain")):
        found = [each for each in template.resources.values() if each["Type"] in stateful]
        assert {each["Type"] for each in found} == stateful
        kept = {each.get("DeletionPolicy", "Delete").replace("RetainExceptOnCreate", "Retain") for each in found}
        assert kept == {policy}
    assert len(leaving.of("Custom::ModelyardEmptied")) == 5
    assert ":model-package/rings/*" in leaving.policies("ModelyardEmptierProviderOtherGroups")
    assert "Custom::ModelyardEmptied" not in rings.types()


def test_a_registry_alone_makes_no_buckets() -> None:
    stack = bare_stack()
    ModelRegistry(stack, "Registry", model_package_group_name="rings")
    assert Template(stack).types() == {"AWS::SageMaker::ModelPackageGroup"}
    stack = bare_stack()
    StackDefaults(stack, retain=False)
    ModelRegistry(stack, "Registry", model_package_group_name="rings")
    assert {"AWS::S3::Bucket", "AWS::KMS::Key"} & Template(stack).types() == set()


def test_parts_of_ones_own_take_the_place_of_the_defaults() -> None:
    stack = bare_stack()
    store = ArtifactStore(stack, "Store", stage="mine")
    ledger = Ledger(stack, "Ledger", key=store.key)
    topic = sns.Topic(stack, "Topic")
    defaults = StackDefaults(stack, store=store, ledger=ledger, topic=topic)
    ten_lines(stack)
    assert StackDefaults.of(stack) is defaults
    assert defaults.stage == "mine"
    template = Template(stack)
    assert len(template.of("AWS::S3::Bucket")) == 4
    assert len(template.of("AWS::SNS::Topic")) == 1
    assert [table["TableName"] for table in template.of("AWS::DynamoDB::Table")] == ["modelyard-rings-ledger"]
    (declared,) = template.of("Custom::ModelyardEndpoint")
    assert declared["ParameterName"] == "/modelyard/mine/rings/endpoint"


def test_constructs_that_are_told_all_parts_make_no_defaults() -> None:
    stack = bare_stack()
    store = ArtifactStore(stack, "Store")
    roles = ExecutionRoles(stack, "Roles", store=store)
    topic = sns.Topic(stack, "Topic")
    ledger = Ledger(stack, "Ledger", key=store.key)
    hook = ApprovalHook(stack, "Hook", ledger=ledger, store=store, endpoint_role=roles.endpoint, topic=topic)
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_endpoint(stack, registry, hook=hook)
    template = Template(stack)
    assert store.stage == hook.stage == "rings"
    assert not [id for id in template.resources if id.startswith("Modelyard")]


def _parameters(template: Template) -> set[str]:
    return {each["Name"].rpartition("/platform/")[2] for each in template.of("AWS::SSM::Parameter")}


def test_parts_of_ones_own_are_found_by_the_parameters_of_the_stage(rings: Template) -> None:
    stack = bare_stack()
    hook = _own_hook(stack)
    defaults = StackDefaults(stack, hook=hook)
    assert (defaults.store, defaults.ledger) == (hook.store, hook.ledger)
    ten_lines(stack)
    expected = {"data-bucket", "artifacts-bucket", "ledger-table", "queue-url"}
    assert expected <= _parameters(rings)
    assert _parameters(Template(stack)) & expected == expected


def test_parts_of_another_stack_are_left_to_it() -> None:
    app = App()
    env = Environment(account="111122223333", region="eu-west-1")
    one, two = (Stack(app, id, env=env) for id in ("One", "Two"))
    store = StackDefaults(one, retain=False).store
    StackDefaults(two, store=store, retain=False)
    assert Template(two).types() == set()


@pytest.mark.parametrize(("retain", "emptied"), [(False, 4), (True, 0)])
def test_a_store_of_ones_own_that_may_go_is_emptied(retain: bool, emptied: int) -> None:
    stack = bare_stack()
    StackDefaults(stack, store=ArtifactStore(stack, "Store", retain=retain), retain=False)
    resources = Template(stack).of("Custom::ModelyardEmptied")
    assert [each["Kind"] for each in resources] == ["bucket"] * emptied


def test_buckets_are_emptied_that_are_told_later_and_none_twice() -> None:
    stack = bare_stack()
    defaults = StackDefaults(stack, retain=False)
    assert defaults.emptier
    for _ in range(2):
        defaults.emptier.empty_buckets(defaults.store.buckets)
    other = s3.Bucket(stack, "Other")
    defaults.emptier.empty_buckets([other])
    template = Template(stack)
    assert len(template.of("Custom::ModelyardEmptied")) == 5
    assert '{"Fn::GetAtt": ["Other' in template.policies("ModelyardEmptierProviderHandlerRole")


def test_a_group_that_may_go_is_emptied_whatever_the_defaults_retain() -> None:
    stack = bare_stack()
    ModelRegistry(stack, "Registry", model_package_group_name="rings", retain=False)
    (emptied,) = Template(stack).of("Custom::ModelyardEmptied")
    assert emptied["Kind"] == "model-package-group"
    assert ":model-package/rings/*" in Template(stack).policies("ModelyardEmptierProviderOtherGroups")


def test_a_folder_of_images_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StackDefaults(bare_stack(), containers=tmp_path / "none")
    assert str(caught.value) == (
        f"containers: there is no folder {tmp_path / 'none'}; name the folder of images' folders"
    )


def test_a_store_of_ones_own_gets_roles_of_its_own() -> None:
    stack = bare_stack()
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    store = ArtifactStore(stack, "Store")
    add_pipeline(stack, registry, store=store)
    template = Template(stack)
    (pipeline,) = template.of("AWS::SageMaker::Pipeline")
    assert pipeline["RoleArn"]["Fn::GetAtt"][0].startswith("TrainingRolesPipeline")
    assert len(template.of("AWS::S3::Bucket")) == 4


def test_the_hook_may_pass_a_role_of_ones_own() -> None:
    stack = bare_stack()
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_endpoint(stack, registry, role=role)
    policy = Template(stack).policies("ModelyardApprovalHookReconcileOtherRoles")
    assert '"iam:PassRole"' in policy
    assert '"iam:PassedToService": "sagemaker.amazonaws.com"' in policy
    assert '"Fn::GetAtt": ["Own' in policy


def _own_hook(stack: Stack) -> ApprovalHook:
    store = ArtifactStore(stack, "Store")
    roles = ExecutionRoles(stack, "Roles", store=store)
    ledger = Ledger(stack, "Ledger", key=store.key)
    topic = sns.Topic(stack, "Topic")
    return ApprovalHook(stack, "Hook", ledger=ledger, store=store, endpoint_role=roles.endpoint, topic=topic)


def test_a_role_of_ones_own_may_what_the_network_and_the_key_ask_for() -> None:
    stack = bare_stack()
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    hook, key = _own_hook(stack), kms.Key(stack, "Key")
    for name in ("rings", "age"):
        values = {"role": role, "network": NETWORK, "volume_key": key, "hook": hook}
        add_endpoint(stack, registry, id=name, endpoint_name=name, **values)
    template = Template(stack)
    assert template.policies("OwnVpc").count('"ec2:CreateNetworkInterface"') == 1
    for user in ("OwnDefault", "HookReconcileKnownRole"):
        policy = template.policies(user)
        assert '"kms:GrantIsForAWSResource": "true"' in policy, user
        assert '"kms:GenerateDataKeyWithoutPlaintext"' in policy, user
        assert '{"Fn::GetAtt": ["Key' in policy, user


def test_a_hook_of_ones_own_tells_of_an_endpoint_that_does_not_converge() -> None:
    stack = bare_stack()
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_endpoint(stack, registry, hook=_own_hook(stack))
    (alarm,) = (each for each in Template(stack).of("AWS::CloudWatch::Alarm") if "rings has not" in str(each))
    assert alarm["AlarmActions"][0]["Ref"].startswith("Topic")


def test_constructs_in_two_stacks_stand_on_the_defaults_of_the_registrys() -> None:
    app = App()
    env = Environment(account="111122223333", region="eu-west-1")
    models, serving = Stack(app, "Models", env=env), Stack(app, "Serving", env=env)
    registry = ModelRegistry(models, "Registry", model_package_group_name="rings")
    add_pipeline(models, registry)
    add_endpoint(serving, registry)
    assert Template(serving).types() == {"Custom::ModelyardEndpoint", "AWS::CloudWatch::Alarm"}


def test_what_was_retained_is_adopted() -> None:
    stack = bare_stack()
    StackDefaults(stack, adopt=True)
    registry = ModelRegistry.from_model_package_group_name(stack, "Registry", "rings")
    add_pipeline(stack, registry)
    add_endpoint(stack, registry)
    made = {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::ECR::Repository"}
    made.add("AWS::SageMaker::ModelPackageGroup")
    assert made & Template(stack).types() == set()


def test_images_for_accelerators_are_the_gpu_variants() -> None:
    defaults = StackDefaults(bare_stack())
    assert defaults.images_for(accelerated=True)["asr"].name == "rings/asr/gpu"
    assert defaults.images_for(accelerated=False)["asr"].name == "rings/asr/cpu"


def test_volumes_are_encrypted_where_instances_take_a_key() -> None:
    for instance, encrypted in (("ml.m5.large", True), ("ml.g5.xlarge", False)):
        stack = bare_stack()
        registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
        add_endpoint(stack, registry, capacity=Capacity(instance))
        (declared,) = Template(stack).of("Custom::ModelyardEndpoint")
        assert ('"kms_key_arn":null' in json.dumps(declared["Declaration"]).replace("\\", "")) is not encrypted


def test_an_instance_type_by_its_name_is_as_its_factory_makes_it() -> None:
    assert Capacity("ml.m5.large") == Capacity.cpu("ml.m5.large")
    assert Capacity("ml.g5.xlarge", 2) == Capacity.gpu("ml.g5.xlarge", count=2)


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        ("Rings", "rings"),
        ("rings2", "rings2"),
        ("Rings-eu", "ringseu4bfd2d"),
        ("RingsOfTheAbaloneOfTasmania", "ringsofth69e349"),
        ("Images", "imagesbe7e2f"),
        ("Delivery", names.derived_stage("Delivery")),
    ],
)
def test_a_stage_is_named_after_the_stack_or_after_its_beginning_and_a_hash(stack: str, stage: str) -> None:
    assert names.derived_stage(stack) == stage
    assert len(stage) <= names.MAX_STAGE_LENGTH


def test_a_stack_without_a_region_is_told_what_to_write() -> None:
    stack = Stack(App(), "Rings")
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    with pytest.raises(ConfigurationError) as caught:
        add_pipeline(stack, registry)
    assert str(caught.value) == (
        "env: the stack Rings has no region, which decides where the images of a pipeline come from; write "
        'env=Environment(account="111122223333", region="us-east-1") with account and region of yours'
    )


def test_a_nested_stack_is_told_to_name_its_stage() -> None:
    nested = NestedStack(bare_stack(), "Nested")
    with pytest.raises(ConfigurationError) as caught:
        StackDefaults.of(nested)
    assert str(caught.value) == (
        "stage: Rings/Nested gets its name when it is deployed, and names of buckets are made of it; before any other "
        'part, write StackDefaults(stack, stage="NAME")'
    )
    assert StackDefaults(nested, stage="rings").store.stage == "rings"


def test_defaults_are_written_once_and_first() -> None:
    stack = bare_stack()
    ten_lines(stack)
    with pytest.raises(ConfigurationError, match="Rings: the stack has its defaults already; write StackDefaults once"):
        StackDefaults(stack, stage="mine")


def test_a_stage_name_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        StackDefaults(bare_stack(), stage="My-Stage")
    assert str(caught.value) == (
        "stage: received My-Stage; allowed: a stage name: lower-case letters and digits, a letter first, at most 15"
    )


def test_an_endpoint_name_that_sagemaker_refuses_is_refused() -> None:
    stack = bare_stack()
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    for name in ("rings_1", "Rings", "-rings", "r" * 64):
        with pytest.raises(ConfigurationError, match=f"endpoint_name: received {name}; allowed: 63 lower-case letters"):
            add_endpoint(stack, registry, id=name, endpoint_name=name)


def test_policies_of_many_endpoints_fit_a_role_and_one_too_many_is_told() -> None:
    stack = bare_stack("Fifteenletterss")
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    with pytest.raises(ConfigurationError) as caught:
        for number in range(100):
            add_endpoint(stack, registry, id=f"Endpoint{number}", endpoint_name=f"rings-{number}")
    assert str(caught.value).endswith(
        "and the policy of the approval hook has no room to name one more endpoint; allowed for it and its model "
        "package group: names that begin with modelyard-fifteenletterss-"
    )
    assert number > 5
    assert len(Template(stack).policies("ModelyardApprovalHookReconcile").replace(" ", "")) < 10_240
