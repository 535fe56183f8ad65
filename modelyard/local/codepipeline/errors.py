"""The errors that CodePipeline answers, in AWS's codes."""

from __future__ import annotations

from modelyard.local.sagemaker.errors import SageMakerError, ValidationException

__all__ = [
    "ActionNotFoundException",
    "ApprovalAlreadyCompletedException",
    "DuplicatedStopRequestException",
    "InvalidActionDeclarationException",
    "InvalidApprovalTokenException",
    "InvalidJobStateException",
    "InvalidNextTokenException",
    "InvalidStageDeclarationException",
    "InvalidStructureException",
    "JobNotFoundException",
    "NotLatestPipelineExecutionException",
    "OutputVariablesSizeExceededException",
    "PipelineExecutionNotFoundException",
    "PipelineExecutionNotStoppableException",
    "PipelineNameInUseException",
    "PipelineNotFoundException",
    "PipelineVersionNotFoundException",
    "ResourceNotFoundException",
    "StageNotFoundException",
    "StageNotRetryableException",
    "TooManyTagsException",
    "ValidationException",
]


class PipelineNotFoundException(SageMakerError):
    """There is no pipeline of this name."""


class PipelineVersionNotFoundException(SageMakerError):
    """The pipeline never had this version."""


class PipelineNameInUseException(SageMakerError):
    """A pipeline of this name exists."""


class InvalidStructureException(SageMakerError):
    """The pipeline as a whole is not well-formed, or asks for what is not supported here."""


class InvalidStageDeclarationException(SageMakerError):
    """A stage is not well-formed, or asks for what is not supported here."""


class InvalidActionDeclarationException(SageMakerError):
    """An action is not well-formed, or asks for what is not supported here."""


class PipelineExecutionNotFoundException(SageMakerError):
    """The pipeline has no execution of this id."""


class PipelineExecutionNotStoppableException(SageMakerError):
    """The execution is over."""


class DuplicatedStopRequestException(SageMakerError):
    """The execution is being stopped in this way already."""


class StageNotFoundException(SageMakerError):
    """The pipeline has no stage of this name."""


class ActionNotFoundException(SageMakerError):
    """The stage has no action of this name."""


class StageNotRetryableException(SageMakerError):
    """The stage has not failed in this execution."""


class NotLatestPipelineExecutionException(SageMakerError):
    """A later execution has been in the stage."""


class InvalidApprovalTokenException(SageMakerError):
    """The token is not that of the approval that waits."""


class ApprovalAlreadyCompletedException(SageMakerError):
    """The approval has its result, or its execution is over."""


class JobNotFoundException(SageMakerError):
    """There is no job of this id."""


class InvalidJobStateException(SageMakerError):
    """The job is over."""


class OutputVariablesSizeExceededException(SageMakerError):
    """The output variables are larger than they may be."""


class ResourceNotFoundException(SageMakerError):
    """What an ARN names does not exist."""


class TooManyTagsException(SageMakerError):
    """A pipeline would have more tags than it may."""


class InvalidNextTokenException(SageMakerError):
    """A token that no answer gave."""
