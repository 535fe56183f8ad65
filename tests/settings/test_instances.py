"""What is known of instance types."""

import botocore.session
import pytest

from modelyard.settings import ConfigurationError
from modelyard.settings.instances import InstanceType


def test_every_instance_type_of_an_endpoint_is_known() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    for name in model.shape_for("ProductionVariantInstanceType").enum:
        assert InstanceType(name).name == name


@pytest.mark.parametrize(
    ("name", "takes_volume_key", "accelerated"),
    [
        ("ml.m5.large", True, False),
        ("ml.m5d.large", False, False),
        ("ml.c6gn.xlarge", True, False),
        ("ml.c6gd.xlarge", False, False),
        ("ml.g4dn.xlarge", False, True),
        ("ml.g5.xlarge", False, True),
        ("ml.p3.2xlarge", True, True),
        ("ml.p6-b200.48xlarge", False, True),
        ("ml.inf1.xlarge", True, True),
        ("ml.inf2.xlarge", True, True),
        ("ml.trn1.2xlarge", False, True),
    ],
)
def test_local_storage_and_accelerators_follow_from_the_family(
    name: str, takes_volume_key: bool, accelerated: bool
) -> None:
    instance = InstanceType(name)
    assert (instance.takes_volume_key, instance.accelerated) == (takes_volume_key, accelerated)


def test_a_family_newer_than_the_library_needs_to_be_described() -> None:
    with pytest.raises(ConfigurationError) as caught:
        InstanceType("ml.g55.xlarge")
    assert str(caught.value) == (
        "received ml.g55.xlarge, whose family g55 is not known here; allowed: a known family, or local_storage, "
        "true or false, for whether it has local NVMe storage; did you mean g5?"
    )
    assert not InstanceType("ml.g55.xlarge", local_storage=True).takes_volume_key
    assert InstanceType("ml.g55.xlarge", local_storage=False).takes_volume_key


@pytest.mark.parametrize(("name", "asks"), [("ml.g5.xlarge", True), ("ml.g4dn.xlarge", True), ("ml.g6.xlarge", False)])
def test_families_with_a_driver_older_than_cuda_12_ask_for_a_newer_one(name: str, asks: bool) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    ami = InstanceType(name).inference_ami
    assert (ami in model.shape_for("ProductionVariantInferenceAmiVersion").enum) == asks
    assert (ami is None) != asks
