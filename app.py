"""The reference app: from `platform.yaml` to stacks."""

import sys
from pathlib import Path

from modelyard.cdk_app import create_app
from modelyard.pipeline_defs.compiler import PipelineDefinitionError
from modelyard.settings import ConfigurationError, load_settings
from modelyard.stacks import add_platform

ROOT = Path(__file__).parent


def main() -> int:
    """Synthesise; what is wrong with the settings or a pipeline is said in one line, with exit status 2."""
    # Reasons for cdk-nag are told where it runs: cdk synth -c modelyard:rules=true
    app = create_app(ROOT, acknowledge=False)
    try:
        # Another file: cdk synth -c platform=FILE
        add_platform(app, load_settings(ROOT / (app.node.try_get_context("platform") or "platform.yaml")))
    except (ConfigurationError, PipelineDefinitionError) as error:
        print(error, file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
