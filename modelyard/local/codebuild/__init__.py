"""CodeBuild: builds that really run their buildspec, with this machine's programs and a `docker` of our own."""

from __future__ import annotations

from modelyard.local.codebuild import builds, cloudformation, projects
from modelyard.local.codebuild.api import API
from modelyard.local.codebuild.runner import BuildRunner
from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.protocol import serve_json

__all__ = ["builds", "install", "projects"]


def install(service: SageMaker) -> None:
    """Put CodeBuild in the place of the emulator's own; its records are kept with those of ``service``."""
    service.components["codebuild"] = BuildRunner(service)
    cloudformation.start(service)
    serve_json(service, "codebuild", "CodeBuild_20161006.", API)
