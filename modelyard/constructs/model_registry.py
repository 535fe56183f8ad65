"""Where a project's model versions are registered and approved."""

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelyard.constructs.arns import Arns
from modelyard.constructs.removal import removal_policy


class ModelRegistry(Construct):
    """A SageMaker model package group.

    Args:
        model_package_group_name: its name, a contract with pipelines and reviewers.
        description: shown by SageMaker. Default: none.
        retain: whether the group and its versions outlive the stack. Default: they do.
        adopt: whether to refer to the group that an earlier deployment retained. Default: make it.

    Attributes:
        model_package_group_name: the group's name.
        model_package_group_arn: the group's ARN.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model_package_group_name: str,
        description: str | None = None,
        retain: bool = True,
        adopt: bool = False,
    ) -> None:
        super().__init__(scope, id)
        self.model_package_group_name = model_package_group_name
        self.model_package_group_arn = Arns.of(scope).arn(
            "sagemaker", f"model-package-group/{model_package_group_name}"
        )
        if adopt:
            return
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=model_package_group_name,
            model_package_group_description=description,
        )
        group.apply_removal_policy(removal_policy(retain))
        # What refers to the group is made after it and goes before it.
        self.model_package_group_arn = group.attr_model_package_group_arn
