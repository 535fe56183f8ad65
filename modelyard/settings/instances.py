"""What the instance types of SageMaker endpoints are: their families, accelerators and local storage.

SageMaker refuses a volume key on instances with local NVMe storage ("You can't request a KmsKeyId when using an
instance type with local storage"), whose volumes are encrypted by the hardware; see
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EndpointConfigInput.html and the instance store
column of https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html.
"""

import re
from dataclasses import dataclass

from modelyard.settings.errors import ConfigurationError, nearest

_LOCAL_STORAGE = frozenset(
    {"m5d", "c5d", "r5d", "m6gd", "c6gd", "r6gd", "r7gd", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "p4d", "p4de", "p5"}
    | {"p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2", "dl1"}
)
_NO_LOCAL_STORAGE = frozenset(
    {"t2", "m4", "m5", "m6g", "m6i", "m7i", "m8g", "c4", "c5", "c6g", "c6gn", "c6i", "c6in", "c7g", "c7i", "c8g", "r5"}
    | {"r6g", "r6i", "r7i", "r8g", "p2", "p3", "inf1", "inf2"}
)
_ACCELERATED = re.compile(r"(p\d|g\d|inf\d|trn\d|dl\d)[a-z]*(-\w+)?")
_MULTIPLES = (2, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 36, 48)
_SIZES = ("medium", "large", "xlarge", *(f"{multiple}xlarge" for multiple in _MULTIPLES))
_TYPE = re.compile(rf"ml\.[a-z][a-z0-9-]*\.({'|'.join(_SIZES)})")

# Endpoints on these get NVIDIA's driver 470 unless they ask for another AMI, and CUDA 12 needs 525 or newer; see
# https://docs.aws.amazon.com/sagemaker/latest/dg/inference-gpu-drivers.html. This one brings 535, and is for these.
_OLD_DRIVER = frozenset({"g4dn", "g5", "p3", "p4d", "p4de"})
_NEWER_DRIVER_AMI = "al2-ami-sagemaker-inference-gpu-2"

FAMILIES = _LOCAL_STORAGE | _NO_LOCAL_STORAGE
"""The instance families that endpoints are known to run on."""


def names_accelerators(text: object) -> bool:
    """Whether `text` is the name of an instance type that has accelerators, such as `ml.g5.xlarge`."""
    return (
        isinstance(text, str)
        and _TYPE.fullmatch(text) is not None
        and _ACCELERATED.fullmatch(text.split(".")[1]) is not None
    )


@dataclass(frozen=True)
class InstanceType:
    """A SageMaker instance type.

    Args:
        name: such as `ml.m5.large`.
        local_storage: whether its volumes are local NVMe, which take no KMS key; by default what is known of the
            family. Give it for a family newer than this library.

    Raises:
        ConfigurationError: the name is no instance type, or its family is not known and `local_storage` not given.
    """

    name: str
    local_storage: bool | None = None

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.name):
            raise ConfigurationError(
                f"received {self.name}; allowed: ml.<family>.<size>, such as ml.m5.large, with a size of "
                + ", ".join(_SIZES)
            )
        if self.family not in FAMILIES and self.local_storage is None:
            raise ConfigurationError(
                f"received {self.name}, whose family {self.family} is not known here; allowed: a known family, or "
                f"local_storage, true or false, for whether it has local NVMe storage{nearest(self.family, FAMILIES)}"
            )

    @property
    def family(self) -> str:
        """Such as `m5`."""
        return self.name.split(".")[1]

    @property
    def accelerated(self) -> bool:
        """Whether it has GPUs or other accelerators."""
        return names_accelerators(self.name)

    @property
    def inference_ami(self) -> str | None:
        """The AMI that an endpoint must ask for to run CUDA 12; None where SageMaker's own choice does."""
        return _NEWER_DRIVER_AMI if self.family in _OLD_DRIVER else None

    @property
    def has_gpu(self) -> bool:
        """Whether its accelerators are GPUs."""
        return self.accelerated and self.family.startswith(("p", "g"))

    @property
    def takes_volume_key(self) -> bool:
        """Whether SageMaker accepts a KMS key for its volumes."""
        local = self.family in _LOCAL_STORAGE if self.local_storage is None else self.local_storage
        return not local
