"""Names that are a contract."""

from modelyard import names
from modelyard.lambdas.serving import artifacts

_LONGEST_REGION = "ap-southeast-2"


def test_the_longest_names_fit_their_services() -> None:
    stage, project = "s" * names.MAX_STAGE_LENGTH, "p" * names.MAX_PROJECT_LENGTH
    for purpose in ("data", "artifacts", "capture", "logs"):
        assert len(names.bucket_name(stage, purpose, "1" * 12, _LONGEST_REGION)) <= 63
    assert len(names.resource_name(stage, project)) <= 63
    assert len(names.resource_name(stage, "")) <= 46


def test_paths_stand_below_each_other() -> None:
    assert names.parameter_path("dev") == "/modelyard/dev"
    assert names.parameter_path("dev", "abalone") == "/modelyard/dev/abalone"
    assert names.parameter_path("dev", "abalone", "pipeline") == "/modelyard/dev/abalone/pipeline"
    assert names.declaration_parameter("dev", "abalone") == "/modelyard/dev/abalone/endpoint"
    assert names.image_parameter("tabular") == "/modelyard/images/tabular/uri"
    assert names.image_parameter(names.image("asr", "gpu"), "0a1b") == "/modelyard/images/asr/gpu/0a1b"
    assert names.repository(names.image("asr", "gpu")) == "modelyard/asr/gpu"


def test_stacks_are_named_after_stage_and_project() -> None:
    assert names.project_stack("dev", "abalone-eu") == "Modelyard-dev-AbaloneEu"
    assert names.foundation_stack("dev") == "Modelyard-dev-Foundation"
    assert names.image_stack("us-east-1") == "Modelyard-Images-us-east-1"
    assert names.image_stack("us-east-1", "111122223333") == "Modelyard-Images-us-east-1-111122223333"


def test_a_delivery_has_names_that_fit_and_clash_with_no_stage() -> None:
    stage = "s" * names.MAX_STAGE_LENGTH
    for purpose in ("source", "artifacts", "logs"):
        assert len(names.delivery_bucket(purpose, "1" * 12, _LONGEST_REGION)) <= 63
    for purpose in names.DELIVERY_PURPOSES:
        assert len(names.delivery_function(purpose)) <= 64
    for purpose in names.ACCESS_PURPOSES:
        assert len(names.delivery_role(stage, purpose)) <= 64
    assert names.delivery_stack("eu-west-1") == "Modelyard-Delivery-eu-west-1"
    assert [names.delivery_stage("test"), names.delivery_stage("test", 2)] == ["Deploy-test", "Deploy-test-2"]
    for stack in (names.foundation_stack(stage), names.serving_stack(stage), names.project_stack(stage, "p")):
        assert stack.startswith(names.stage_stacks(stage))
        assert not stack.startswith(names.delivery_stack())


def test_the_hook_names_the_version_variable_as_the_settings_refuse_it() -> None:
    """The hook is deployed without this package, so it spells the name again."""
    assert artifacts.VERSION_VARIABLE == names.VERSION_VARIABLE
