"""Where alarms and roll backs are told of."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard.constructs.arns import Arns
from modelyard.constructs.resource import service_principal, token


def notification_topic(scope: Construct, id: str, key: kms.IKey) -> sns.Topic:
    """A topic encrypted with `key`, to which the alarms of the account may write."""
    topic = sns.Topic(scope, id, master_key=key, enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[service_principal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[token(topic, "topic_arn")],
            conditions={"StringEquals": {"aws:SourceAccount": Arns.of(scope).account}},
        )
    )
    return topic
