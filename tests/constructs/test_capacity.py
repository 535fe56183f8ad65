"""What endpoints run on."""

import pytest

from modelyard.constructs.capacity import Capacity


@pytest.mark.parametrize("family", ["g4dn", "g5", "g6"])
def test_gpus_are_given_time_for_large_images_and_no_volume_key(family: str) -> None:
    capacity = Capacity.gpu(f"ml.{family}.xlarge")
    assert (capacity.health_check_timeout_seconds, capacity.download_timeout_seconds) == (1200, 1800)
    assert not capacity.instance.takes_volume_key


def test_what_has_no_gpu_has_the_limits_of_sagemaker() -> None:
    capacity = Capacity.cpu("ml.m5.large")
    assert (capacity.health_check_timeout_seconds, capacity.download_timeout_seconds) == (None, None)
    assert capacity.instance.takes_volume_key
