"""The settings: the only reader of `platform.yaml`."""

from modelyard.settings.endpoint import EndpointSettings
from modelyard.settings.errors import ConfigurationError, FieldError, SettingsError
from modelyard.settings.loader import load_settings
from modelyard.settings.model import Delivery, Project, Settings, Stage
from modelyard.settings.scaling import Scaling
from modelyard.settings.schema import Network
from modelyard.settings.training import DataTriggerSettings, TrainingSettings

__all__ = [
    "ConfigurationError",
    "DataTriggerSettings",
    "Delivery",
    "EndpointSettings",
    "FieldError",
    "Network",
    "Project",
    "Scaling",
    "Settings",
    "SettingsError",
    "Stage",
    "TrainingSettings",
    "load_settings",
]
