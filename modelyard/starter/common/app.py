"""The app: from `platform.yaml` and `pipelines/` to stacks."""

import sys
from pathlib import Path

from modelyard import App, ConfigurationError, PipelineDefinitionError, add_platform, create_app, load_settings

ROOT = Path(__file__).parent


def build(outdir: Path | None = None, *, acknowledge: bool = True) -> App:
    """The app with its stacks, not yet synthesised."""
    app = create_app(ROOT, outdir=outdir, acknowledge=acknowledge)
    # Another file: cdk synth -c platform=FILE
    settings = load_settings(ROOT / (app.node.try_get_context("platform") or "platform.yaml"))
    # Images of your own are folders of `containers/`; of equal names they win over the library's.
    add_platform(app, settings, pipeline_defs=ROOT / "pipelines", containers=ROOT / "containers")
    return app


def main() -> int:
    """Synthesise; what is wrong with the settings or a pipeline is said in one line, with exit status 2."""
    try:
        # Reasons for cdk-nag are told where it runs: cdk synth -c modelyard:rules=true
        app = build(acknowledge=False)
    except (ConfigurationError, PipelineDefinitionError) as error:
        print(error, file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
