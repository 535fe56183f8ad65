"""What code outside the stacks has to know, in SSM Parameter Store."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from modelyard import names
from modelyard.constructs.stage_of import stage_of
from modelyard.settings import ConfigurationError


def add_parameter(scope: Construct, id: str, *, name: str, value: str, description: str) -> ssm.CfnParameter:
    """Add an SSM parameter; the CDK's own would make tokens of its name and ARN, which nobody reads."""
    return ssm.CfnParameter(scope, id, name=name, type="String", value=value, description=description)


class ParameterRegistry:
    """SSM parameters `/modelyard/<stage>/<project>/<key>`; `modelyard.parameters.ParameterStore` reads them.

    Args:
        scope: of the parameters.
        id: the beginning of their ids.
        stage: name of the stage. Default: made of the stack's name.
        project: name of the project. Default: `platform`, for what belongs to the stage itself.

    Example:
        >>> parameters = ParameterRegistry(stack, "Parameters", stage="age", project="rings")
        >>> parameter = parameters.add("endpoint-name", "rings", description="endpoint of the project")
    """

    def __init__(self, scope: Construct, id: str, *, stage: str | None = None, project: str = names.PLATFORM) -> None:
        self._scope = scope
        self._id = id
        self._stage = stage_of(scope, stage)
        self._project = project
        self._keys: set[str] = set()

    def add(self, key: str, value: str, *, description: str) -> ssm.CfnParameter:
        """Write `value`, which may be a token, to the parameter `key`.

        Raises:
            ConfigurationError: the key was added before.
        """
        path = names.parameter_path(self._stage, self._project, key)
        if key in self._keys:
            raise ConfigurationError(f"the parameter {path} was added before; write another key")
        self._keys.add(key)
        return add_parameter(self._scope, f"{self._id}-{key}", name=path, value=value, description=description)
