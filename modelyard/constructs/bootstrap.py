"""The roles that `cdk bootstrap` makes in an account and region."""

from dataclasses import dataclass
from typing import cast

from aws_cdk import DefaultStackSynthesizer, Stack

__all__ = ["BootstrapRoles"]


@dataclass(frozen=True)
class BootstrapRoles:
    """ARNs of the roles by which stacks are deployed to an account and region.

    Attributes:
        deploy: makes and executes change sets.
        execution: by which CloudFormation makes resources.
        publishing: publishes the files of the assets.
    """

    deploy: str
    execution: str
    publishing: str

    @staticmethod
    def of(stack: Stack) -> "BootstrapRoles":
        """Those of the account and region of `stack`, as its synthesizer names them."""
        synthesizer = cast(DefaultStackSynthesizer, stack.synthesizer)
        partition = stack.partition
        deploy = synthesizer.deploy_role_arn
        arns = (
            deploy,
            synthesizer.cloud_formation_execution_role_arn,
            # The synthesizer tells this one to nobody; its name differs by what it is for.
            deploy.replace("-deploy-role-", "-file-publishing-role-"),
        )
        return BootstrapRoles(*(arn.replace("${AWS::Partition}", partition) for arn in arns))
