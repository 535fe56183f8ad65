"""What the local SageMaker must know of instance types."""

from __future__ import annotations

__all__ = ["has_local_storage"]


def has_local_storage(instance_type: str) -> bool:
    """Whether instances of that type have local NVMe storage, whose volumes take no KMS key.

    False for a family that the settings do not know: there SageMaker itself decides. See KmsKeyId in
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html.
    """
    # Imported when a key is given, not with the server: the settings bring pydantic.
    from modelyard.settings.errors import ConfigurationError
    from modelyard.settings.instances import InstanceType

    try:
        return not InstanceType(instance_type).takes_volume_key
    except ConfigurationError:
        return False
