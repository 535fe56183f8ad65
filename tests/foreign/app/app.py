"""Abalones, told their age by a model: a SageMaker pipeline, and an endpoint that serves what a person approves."""

import os
from pathlib import Path

from aws_cdk import App, Environment, Stack

from modelyard import Capacity, ModelEndpoint, ModelRegistry, TrainingPipeline

app = App()
env = Environment(account=os.environ["CDK_DEFAULT_ACCOUNT"], region=os.environ["CDK_DEFAULT_REGION"])
stack = Stack(app, "Rings", env=env)
registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
TrainingPipeline(stack, "Training", pipeline_name="rings", folder=Path("pipeline"), registry=registry)
ModelEndpoint(stack, "Endpoint", endpoint_name="rings", registry=registry, capacity=Capacity("ml.m5.large"))
app.synth()
