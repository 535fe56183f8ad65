"""What an endpoint runs on."""

from dataclasses import dataclass

from modelyard.settings import ConfigurationError, EndpointSettings
from modelyard.settings.instances import InstanceType

_MAX_COUNT = 100
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
_TIMEOUT_SECONDS = range(60, 3601)
# What large images and models take to load.
_HEALTH_CHECK_SECONDS = 1200
_DOWNLOAD_SECONDS = 1800


@dataclass(frozen=True, init=False)
class Capacity:
    """Instances of an endpoint; `cpu` and `gpu` make it with more to say.

    Args:
        instance: their type, such as `ml.m5.large`.
        count: how many. Default: 1.
        health_check_timeout_seconds: how long a container may take to answer its first ping. Default: SageMaker's
            limit; 1200 for the name of a type with accelerators, whose large images and models take long to load.
        download_timeout_seconds: how long the model's download and unpacking may take. Default: SageMaker's limit;
            1800 for the name of a type with accelerators.

    Attributes:
        instance: their type.
        count: how many.
        health_check_timeout_seconds: how long a container may take to answer its first ping; None: SageMaker's limit.
        download_timeout_seconds: how long the model's download and unpacking may take; None: SageMaker's limit.

    Example:
        >>> Capacity("ml.m5.large").count
        1
        >>> Capacity.gpu("ml.g5.xlarge", count=2, download_timeout_seconds=3600).health_check_timeout_seconds
        1200
    """

    instance: InstanceType
    count: int
    health_check_timeout_seconds: int | None
    download_timeout_seconds: int | None

    def __init__(
        self,
        instance: InstanceType | str,
        count: int = 1,
        health_check_timeout_seconds: int | None = None,
        download_timeout_seconds: int | None = None,
    ) -> None:
        if isinstance(instance, str):
            instance = InstanceType(instance)
            if instance.accelerated:
                if health_check_timeout_seconds is None:
                    health_check_timeout_seconds = _HEALTH_CHECK_SECONDS
                if download_timeout_seconds is None:
                    download_timeout_seconds = _DOWNLOAD_SECONDS
        object.__setattr__(self, "instance", instance)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "health_check_timeout_seconds", health_check_timeout_seconds)
        object.__setattr__(self, "download_timeout_seconds", download_timeout_seconds)
        self._check()

    def _check(self) -> None:
        if not 1 <= self.count <= _MAX_COUNT:
            raise ConfigurationError(f"count: received {self.count}; allowed: 1 to {_MAX_COUNT} instances")
        for name in ("health_check_timeout_seconds", "download_timeout_seconds"):
            value = getattr(self, name)
            if value is not None and value not in _TIMEOUT_SECONDS:
                raise ConfigurationError(f"{name}: received {value}; allowed: 60 to 3600 seconds")

    @staticmethod
    def cpu(instance_type: str, *, count: int = 1, local_storage: bool | None = None) -> "Capacity":
        """Instances without accelerators.

        Args:
            instance_type: such as `ml.m5.large`.
            count: how many. Default: 1.
            local_storage: whether they have local NVMe storage. Default: what is known of their family.

        Raises:
            ConfigurationError: there is no such type, or it has accelerators.
        """
        instance = InstanceType(instance_type, local_storage)
        if instance.accelerated:
            raise ConfigurationError(f"{instance_type!r} has accelerators; write Capacity.gpu({instance_type!r})")
        return Capacity(instance, count)

    @staticmethod
    def gpu(
        instance_type: str,
        *,
        count: int = 1,
        local_storage: bool | None = None,
        health_check_timeout_seconds: int = _HEALTH_CHECK_SECONDS,
        download_timeout_seconds: int = _DOWNLOAD_SECONDS,
    ) -> "Capacity":
        """Instances with accelerators, given the time that their large images and models take to load.

        Args:
            instance_type: such as `ml.g5.xlarge`.
            count: how many. Default: 1.
            local_storage: whether they have local NVMe storage. Default: what is known of their family.
            health_check_timeout_seconds: until the first ping is answered, 60 to 3600. Default: 1200.
            download_timeout_seconds: for downloading and unpacking the model, 60 to 3600. Default: 1800.

        Raises:
            ConfigurationError: there is no such type, it has no accelerators, or a time is out of bounds.
        """
        instance = InstanceType(instance_type, local_storage)
        if not instance.accelerated:
            raise ConfigurationError(f"{instance_type!r} has no accelerators; write Capacity.cpu({instance_type!r})")
        return Capacity(instance, count, health_check_timeout_seconds, download_timeout_seconds)

    @staticmethod
    def of(endpoint: EndpointSettings) -> "Capacity":
        """The capacity that the settings of an endpoint ask for."""
        make = Capacity.gpu if endpoint.instance().accelerated else Capacity.cpu
        return make(endpoint.instance_type, count=endpoint.count, local_storage=endpoint.local_storage)
