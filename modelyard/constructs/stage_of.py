"""The stage of a construct that is told none."""

from aws_cdk import Stack, Token
from constructs import IConstruct

from modelyard import names
from modelyard.settings import ConfigurationError

DEFAULTS_ID = "Modelyard"
"""The id of a stack's `StackDefaults`."""


def stage_of(scope: IConstruct) -> str:
    """The stage that the defaults of the scope's stack stand for, else one made of the stack's name.

    Raises:
        ConfigurationError: the stack's name is known only when it is deployed, as that of a nested stack.
    """
    stack = Stack.of(scope)
    told = getattr(stack.node.try_find_child(DEFAULTS_ID), "stage", None)
    if isinstance(told, str):
        return told
    if Token.is_unresolved(stack.stack_name):
        raise ConfigurationError(
            f"stage: {stack.node.path} gets its name when it is deployed, and names of buckets are made of it; before "
            'any other part, write StackDefaults(stack, stage="NAME")'
        )
    return names.derived_stage(stack.stack_name)
