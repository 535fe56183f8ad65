"""Starts the CDK the way the app does, before a test module imports it."""

import tests.synthesis  # noqa: F401
