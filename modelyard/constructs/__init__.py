"""The library's constructs, one a module, named after what it provisions."""

import modelyard.cdk_app  # noqa: F401 -- starts the CDK on its own Node, before anything else imports aws_cdk
