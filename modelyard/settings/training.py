"""The keys of a project's training jobs, and of what starts them."""

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from modelyard.settings.fields import matching
from modelyard.settings.section import Section


class TrainingSettings(Section):
    """What the training jobs of a project's pipeline run on."""

    instance_type: Annotated[
        str | None,
        Field(pattern=r"^ml\.[a-z0-9.-]+$", max_length=40, description="an instance type, such as ml.g5.xlarge"),
    ] = None
    spot: Annotated[StrictBool, Field(description="true or false")] = False

    @property
    def parameters(self) -> dict[str, str]:
        """The pipeline parameters whose defaults these keys are."""
        return {"TrainingInstanceType": self.instance_type} if self.instance_type else {}


class DataTriggerSettings(Section):
    """New data that starts a project's pipeline: where it comes, and for how long nothing more must have come."""

    prefix: Annotated[
        str | None,
        matching(r"[^/\s*?\"<>\\:][^*?\"<>\\:]*", "the beginning of keys in the data bucket, such as abalone/"),
    ] = None
    # The longest delay of a queue of SQS.
    quiet_seconds: Annotated[StrictInt, Field(ge=0, le=900, description="0 to 900 seconds")] = 60
