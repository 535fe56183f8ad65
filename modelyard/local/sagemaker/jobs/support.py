"""What jobs ask for that the local AWS does not do, refused when the job is created."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.instances import has_local_storage

__all__ = ["Rule", "refuse_unsupported", "refuse_volume_key"]

Rule = tuple[str, tuple[Any, ...]]


def refuse_unsupported(request: dict[str, Any], rules: Sequence[Rule]) -> None:
    """Raise for the first member that is given with another value than those its rule allows.

    A rule is the path of a member (``"Inputs[].Mode"``) and the supported values; none means that it must be absent.
    """
    for path, allowed in rules:
        for place, value in _found(request, path.split("."), ""):
            if value in allowed or (not allowed and not value):
                continue
            if allowed:
                raise ValidationException(
                    f"{place} '{value}' is not supported by the local AWS; supported: {', '.join(map(str, allowed))}"
                )
            raise ValidationException(f"{place} is not supported by the local AWS; leave it out")


def refuse_volume_key(instance_type: str, key: str | None) -> None:
    """Raise for a volume key on instances with local NVMe storage, which SageMaker refuses.

    See https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html.
    """
    if key is not None and has_local_storage(instance_type):
        raise ValidationException(
            "You can't request a VolumeKmsKeyId when using an instance type with local storage: "
            f"{instance_type} has local NVMe storage"
        )


def _found(value: Any, path: list[str], place: str) -> Iterator[tuple[str, Any]]:
    if not path:
        yield place, value
        return
    name, each = path[0].removesuffix("[]"), path[0].endswith("[]")
    if not isinstance(value, dict) or value.get(name) is None:
        return
    below = f"{place}.{name}" if place else name
    if not each:
        yield from _found(value[name], path[1:], below)
        return
    for index, item in enumerate(value[name]):
        yield from _found(item, path[1:], f"{below}[{index}]")
