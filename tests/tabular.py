"""The image `tabular`."""

from tests.containers.server import Image

IMAGE = Image("tabular", start_seconds=60, run_seconds=120)
