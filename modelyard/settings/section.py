"""What the sections of `platform.yaml` have in common."""

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """Keys with values; a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def rule(message: str, *field: str | int) -> PydanticCustomError:
    """The error of a rule that spans fields; `field` is where the file is to be changed."""
    return PydanticCustomError("rule", "{message}", {"message": message, "field": list(field)})
