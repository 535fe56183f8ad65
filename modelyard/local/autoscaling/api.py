"""The table of Application Auto Scaling's operations, and what several of them share."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelyard.local.autoscaling.errors import InvalidNextTokenException
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.names import ENDPOINTS, find
from modelyard.local.sagemaker.operations import Api

__all__ = ["API", "DIMENSION", "NAMESPACE", "Variant", "key_of", "matching", "page", "require_supported", "variant_of"]

API = Api("application-autoscaling", "Application Auto Scaling")
operation = API.operation

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_RESOURCE_ID = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_PAGE_SIZE = 50


@dataclass(frozen=True)
class Variant:
    """The production variant that a resource id names."""

    endpoint: str
    name: str

    def shown(self, context: Context) -> Record:
        """The variant in its endpoint's description; raises ``ValidationException`` where there is none."""
        endpoint = find(context, ENDPOINTS, self.endpoint)
        for variant in endpoint.get("ProductionVariants", ()):
            if variant["VariantName"] == self.name:
                return dict(variant)
        raise ValidationException(
            f'Could not find production variant "{self.name}" of endpoint "{endpoint["EndpointArn"]}".'
        )


def variant_of(resource_id: str) -> Variant:
    """The variant that ``endpoint/NAME/variant/NAME`` names."""
    match = _RESOURCE_ID.fullmatch(resource_id)
    if match is None:
        raise ValidationException(
            "Unsupported service namespace, resource type or scalable dimension: "
            f"the ResourceId {resource_id} is not of the form endpoint/NAME/variant/NAME."
        )
    return Variant(match[1], match[2])


def require_supported(request: dict[str, Any]) -> None:
    """Raise for what is not a variant's instance count."""
    if request["ServiceNamespace"] != NAMESPACE:
        raise ValidationException(
            f"The service namespace {request['ServiceNamespace']} is not supported by the local AWS; {NAMESPACE} is."
        )
    if request.get("ScalableDimension", DIMENSION) != DIMENSION:
        raise ValidationException(
            "Unsupported service namespace, resource type or scalable dimension: "
            f"{request['ScalableDimension']} is not supported by the local AWS; {DIMENSION} is."
        )


def key_of(request: dict[str, Any]) -> str:
    """``request``'s scalable target in the words of AWS's errors."""
    return (
        f"service namespace: {request['ServiceNamespace']}, resource ID: {request['ResourceId']}, "
        f"scalable dimension: {request['ScalableDimension']}"
    )


def matching(request: dict[str, Any], records: Iterable[Record]) -> list[Record]:
    """Those of ``records`` that have the ResourceId and the ScalableDimension of ``request``, where it gives them."""
    wanted = {name: request[name] for name in ("ResourceId", "ScalableDimension") if name in request}
    return [record for record in records if all(record[name] == value for name, value in wanted.items())]


def page(request: dict[str, Any], records: list[Record], answer: str) -> dict[str, Any]:
    """The page of ``records`` that ``request`` asks for; at most 50 records, MaxResults of them if that is given."""
    start = _position(request["NextToken"]) if request.get("NextToken") else 0
    end = start + min(_PAGE_SIZE, request.get("MaxResults") or _PAGE_SIZE)
    more = {"NextToken": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(records) else {}
    return {answer: records[start:end], **more}


def _position(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise InvalidNextTokenException(f"Invalid NextToken '{token}'") from None
