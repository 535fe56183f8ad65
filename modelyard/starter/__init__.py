"""Writes the repository of a team's own project: ``modelyard init``.

``common/`` holds what every such repository has, a folder of a template's name what only that one has; the pipeline
itself is the library's, of ``pipeline_defs/``. ``dot-`` at the start of a name stands for a dot, ``.in`` at its end for
nothing, and ``@NAME@`` in a text for a value of the new repository.
"""

from modelyard.starter.errors import StarterError
from modelyard.starter.repository import TEMPLATES, Choices, write_repository

__all__ = ["TEMPLATES", "Choices", "StarterError", "write_repository"]
