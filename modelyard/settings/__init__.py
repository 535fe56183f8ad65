"""The settings: the only reader of `platform.yaml`."""

from modelyard.settings.errors import ConfigurationError, SettingsError
from modelyard.settings.loader import load_settings
from modelyard.settings.model import Project, Settings, Stage
from modelyard.settings.schema import EndpointSettings, Network

__all__ = [
    "ConfigurationError",
    "EndpointSettings",
    "Network",
    "Project",
    "Settings",
    "SettingsError",
    "Stage",
    "load_settings",
]
