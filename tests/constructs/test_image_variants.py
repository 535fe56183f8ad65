"""Which image of a folder a project runs, and what is said of a wrong `variants.json`."""

from pathlib import Path

import pytest

from modelyard.constructs.image_variants import Variant, variant_of
from modelyard.settings import ConfigurationError, EndpointSettings, Project

TWO = '{"cpu": {"BASE_IMAGE": "slim"}, "gpu": {"BASE_IMAGE": "cuda", "TORCH_INDEX": "https://x/cu128"}}'


def _folder(path: Path, variants: str) -> Path:
    (path / "variants.json").write_text(variants)
    return path


def test_a_folder_without_variants_is_one_image(tmp_path: Path) -> None:
    for accelerated in (False, True):
        assert variant_of(tmp_path, accelerated=accelerated) == Variant("", {})


def test_accelerators_choose_gpu_and_everything_else_the_first(tmp_path: Path) -> None:
    folder = _folder(tmp_path, TWO)
    assert variant_of(folder, accelerated=False) == Variant("cpu", {"BASE_IMAGE": "slim"})
    assert variant_of(folder, accelerated=True).name == "gpu"


def test_accelerators_run_the_first_variant_where_there_is_no_gpu(tmp_path: Path) -> None:
    assert variant_of(_folder(tmp_path, '{"small": {}, "large": {}}'), accelerated=True).name == "small"


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ("{", ", line 1: Expecting property name enclosed in double quotes; write a JSON object"),
        ("[]", ": received no variant; allowed: an object of variants, the default first"),
        ('{"GPU": {}}', ": received the variant 'GPU'; allowed: lower-case letters and digits, a letter first"),
        ('{"gpu": []}', ": gpu: received []; allowed: an object of build arguments"),
        ('{"gpu": {"CUDA": 12}}', ": gpu.CUDA: received 12; allowed: text in quotes"),
        (
            '{"gpu": {"AWS_REGION": "x"}}',
            ": gpu: received the build argument AWS_REGION; allowed: capitals, digits and _, a letter first, and no "
            "name that the build uses itself",
        ),
    ],
)
def test_a_wrong_file_is_said_with_its_place(tmp_path: Path, variants: str, message: str) -> None:
    folder = _folder(tmp_path, variants)
    with pytest.raises(ConfigurationError) as caught:
        variant_of(folder, accelerated=False)
    assert str(caught.value) == f"{folder / 'variants.json'}{message}"


@pytest.mark.parametrize(
    ("endpoint", "parameters", "accelerated"),
    [
        ("ml.m5.large", {"Epochs": 5, "TrainingInstanceType": "ml.c5.xlarge"}, False),
        ("ml.g5.xlarge", {}, True),
        (None, {"TrainingInstanceType": "ml.p3.2xlarge"}, True),
        (None, {"Note": "ml.g5 is too dear"}, False),
    ],
)
def test_a_project_is_accelerated_by_its_endpoint_or_a_parameter(
    endpoint: str | None, parameters: dict[str, str | int | float | bool], accelerated: bool
) -> None:
    settings = EndpointSettings(instance_type=endpoint) if endpoint else None
    assert Project(name="asr", parameters=parameters, endpoint=settings).accelerated is accelerated
