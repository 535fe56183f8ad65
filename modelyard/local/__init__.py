"""The local AWS: one loopback server that ``cdk``, ``aws``, boto3 and the SageMaker SDK take for AWS.

It runs the code that it is given (Lambda functions, step scripts, model servers) as the user who started it and is no
sandbox: run only what you trust.
"""
