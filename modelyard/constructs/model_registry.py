"""Where a project's model versions are registered and approved."""

import re
from functools import cached_property

from aws_cdk import CfnResource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelyard.constructs.arns import Arns
from modelyard.constructs.emptier import Emptier
from modelyard.constructs.part import Part
from modelyard.constructs.removal import removal_policy
from modelyard.constructs.resource import is_token
from modelyard.constructs.stack_defaults import StackDefaults
from modelyard.settings import ConfigurationError

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
_LIST = ["sagemaker:ListModelPackageGroups", "sagemaker:ListModelPackages"]
_DESCRIBE = ("sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup")

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackageGroup.html
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


class ModelRegistry(Part):
    """A SageMaker model package group.

    Args:
        model_package_group_name: its name, a contract with pipelines and reviewers.
        description: shown by SageMaker. Default: none.
        retain: whether the group and its versions outlive the stack. Default: they do, unless the `StackDefaults` of
            the stack say otherwise.
        adopt: whether to refer to the group that an earlier deployment retained. Default: make it.
        emptier: deletes the versions of a group that is not retained, since SageMaker deletes an empty one alone.
            Default: that of these defaults.

    Attributes:
        model_package_group_name: the group's name.
        model_package_group_arn: the group's ARN.
        resources: the group and what empties it, of those that the stack makes.

    Raises:
        ConfigurationError: SageMaker refuses the name.

    Example:
        >>> registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
        >>> allowed = registry.grant_approve(role)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model_package_group_name: str,
        description: str | None = None,
        retain: bool | None = None,
        adopt: bool = False,
        emptier: Emptier | None = None,
    ) -> None:
        super().__init__(scope, id)
        if not is_token(model_package_group_name) and not _NAME.fullmatch(model_package_group_name):
            raise ConfigurationError(
                f"model_package_group_name: received {model_package_group_name}; allowed: 63 letters, digits and "
                "hyphens between them"
            )
        self.model_package_group_name = model_package_group_name
        self._group: sagemaker.CfnModelPackageGroup | None = None
        self.resources: list[CfnResource] = []
        if adopt:
            return
        self._group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=model_package_group_name,
            model_package_group_description=description,
        )
        if retain is None:
            retain = StackDefaults.of(self).retain
        self.resources.append(self._group)
        self._group.apply_removal_policy(removal_policy(retain))
        if not retain:
            emptier = emptier or StackDefaults.of(self).emptier_of_groups
            self.resources.append(emptier.empty_model_package_group(self))

    @cached_property
    def model_package_group_arn(self) -> str:
        """The group's ARN; what refers to it is made after the group and goes before it."""
        if self._group:
            return self._group.attr_model_package_group_arn
        return Arns.of(self).arn("sagemaker", f"model-package-group/{self.model_package_group_name}")

    @staticmethod
    def from_model_package_group_name(scope: Construct, id: str, model_package_group_name: str) -> "ModelRegistry":
        """The group of that name, made elsewhere in the stack's account and region.

        Args:
            scope: of the construct.
            id: of the construct.
            model_package_group_name: the group's name.
        """
        return ModelRegistry(scope, id, model_package_group_name=model_package_group_name, adopt=True)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` list the group's versions and look at them."""
        lists = iam.Grant.add_to_principal(grantee=grantee, actions=_LIST, resource_arns=["*"])
        return lists.combine(self._grant(grantee, *_DESCRIBE))

    def grant_approve(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the group's versions, and approve and reject them."""
        return self.grant_read(grantee).combine(self._grant(grantee, "sagemaker:UpdateModelPackage"))

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        versions = Arns.of(self).arn("sagemaker", f"model-package/{self.model_package_group_name}/*")
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self.model_package_group_arn, versions]
        )
