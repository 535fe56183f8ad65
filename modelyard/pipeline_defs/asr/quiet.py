"""Import this before NeMo: it keeps NeMo and its telemetry quiet at import, and off the network."""

import logging
import os
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
