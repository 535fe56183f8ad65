"""A stage's buckets and its data trigger, for two pipelines that the tests make."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from modelyard.cdk_app import create_app  # before the CDK
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.data_trigger import DataTrigger

ROOT = Path(__file__).parents[5]

app = create_app(ROOT)
stack = cdk.Stack(app, "NewData", env=cdk.Environment(account="111122223333", region="eu-west-1"))
store = ArtifactStore(stack, "Store", stage="newdata", retain=False)
trigger = DataTrigger(stack, "Trigger", stage="newdata", store=store, topic=sns.Topic(stack, "Topic"))
trigger.add_pipeline("burst", pipeline_name="new-data-burst", prefix="burst/", quiet_seconds=4)
trigger.add_pipeline("single", pipeline_name="new-data-single", prefix="single/", quiet_seconds=0)
trigger.attach()
app.synth()
