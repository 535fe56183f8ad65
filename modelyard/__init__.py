"""Modelyard: an ML platform on AWS as code, and a local AWS that runs it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
