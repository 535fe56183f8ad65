"""The stage of a construct that is told none."""

import re

from constructs import IConstruct

from modelyard import names
from modelyard.constructs.part import stack_of
from modelyard.constructs.resource import is_token
from modelyard.settings import ConfigurationError
from modelyard.settings.schema import STAGE, STAGE_RULE

DEFAULTS_ID = "Modelyard"
"""The id of a stack's `StackDefaults`."""


def check_stage(stage: str) -> str:
    """The stage, which may be one.

    Raises:
        ConfigurationError: it may not.
    """
    if not re.fullmatch(STAGE, stage):
        raise ConfigurationError(f"stage: received {stage}; allowed: {STAGE_RULE}")
    if stage in names.RESERVED_STAGE_NAMES:
        raise ConfigurationError(f"stage: received {stage}, which the platform uses itself; choose another")
    return stage


def stage_of(scope: IConstruct, stage: str | None = None) -> str:
    """`stage`, or else what the defaults of the scope's stack stand for, or else one made of the stack's name.

    Raises:
        ConfigurationError: `stage` is no stage's name, or the stack's name is known only when it is deployed, as that
            of a nested stack.
    """
    if stage is not None:
        return check_stage(stage)
    stack = stack_of(scope)
    told = getattr(stack.node.try_find_child(DEFAULTS_ID), "stage", None)
    if isinstance(told, str):
        return told
    if is_token(stack.stack_name):
        raise ConfigurationError(
            f"stage: {stack.node.path} gets its name when it is deployed, and names of buckets are made of it; before "
            'any other part, write StackDefaults(stack, stage="NAME")'
        )
    return names.derived_stage(stack.stack_name)
