"""The one error of the compiler."""


class PipelineDefinitionError(Exception):
    """A pipeline folder that cannot become a definition SageMaker would accept.

    Its text is one line: folder, step and field where they are known, the value received, and what to write instead.
    """
