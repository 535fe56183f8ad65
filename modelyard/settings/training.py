"""The keys of a project's training jobs."""

from typing import Annotated

from pydantic import Field, StrictBool

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
