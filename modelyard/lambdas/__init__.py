"""The Lambda functions that stacks deploy: one folder an asset, nothing shared between folders but `answering`."""
