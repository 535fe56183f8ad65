"""Who is told what the delivery pipeline comes to."""

import json
from collections.abc import Sequence

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import document
from modelyard.constructs.resource import service_principal, token

__all__ = ["DeliveryNotifications"]

# https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
_FAILURES = {
    "ExecutionFailed": (
        "CodePipeline Pipeline Execution State Change",
        # A change of the pipeline cancels what is under way, also what awaits a gate.
        ["FAILED", "CANCELED"],
        {
            "pipeline": "$.detail.pipeline",
            "execution": "$.detail.execution-id",
            "region": "$.region",
            "state": "$.detail.state",
        },
        "The delivery has ended: execution <execution> of <pipeline> is <state>. What was deployed before stays. See "
        "https://<region>.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions/<execution>",
    ),
    "ActionFailed": (
        "CodePipeline Action Execution State Change",
        ["FAILED"],
        {
            "action": "$.detail.action",
            "stage": "$.detail.stage",
            "execution": "$.detail.execution-id",
            "summary": "$.detail.execution-result.external-execution-summary",
            "link": "$.detail.execution-result.external-execution-url",
        },
        "<action> of <stage> has failed in execution <execution>: <summary> <link>",
    ),
}


class DeliveryNotifications(Part):
    """A topic that tells of what failed, and of gates that await somebody.

    Args:
        key: encrypts the topic; EventBridge is let use it.
        emails: who is told; each address has to confirm.

    Attributes:
        topic_arn: the topic's.
    """

    def __init__(self, scope: Construct, id: str, *, key: kms.Key, emails: Sequence[str]) -> None:
        super().__init__(scope, id)
        self._account = Arns.of(scope).account
        pipeline = names.delivery_pipeline()
        topic = sns.CfnTopic(self, "Topic", kms_master_key_id=token(key, "key_arn"), display_name="Modelyard: delivery")
        self.topic_arn = topic.ref
        rules = [self._rule(id, pipeline, *failure) for id, failure in _FAILURES.items()]
        publish = {
            "Sid": "Failures",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": self.topic_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
        }
        insecure = {
            "Sid": "OnlyWithTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": self.topic_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = document([publish, insecure])
        sns.CfnTopicPolicy(self, "TopicPolicy", topics=[self.topic_arn], policy_document=policy)
        # What a rule asks of the key has no source account: the topic's policy says which rules may write to it.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[service_principal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
            )
        )
        for index, email in enumerate(emails):
            sns.CfnSubscription(self, f"Email{index}", topic_arn=self.topic_arn, protocol="email", endpoint=email)

    def _rule(
        self, id: str, pipeline: str, detail_type: str, states: list[str], paths: dict[str, str], text: str
    ) -> events.CfnRule:
        return events.CfnRule(
            self,
            id,
            description=f"Modelyard: {detail_type} of {pipeline} to {' or '.join(states)}",
            event_pattern={
                "source": ["aws.codepipeline"],
                "detail-type": [detail_type],
                "account": [self._account],
                "detail": {"pipeline": [pipeline], "state": states},
            },
            targets=[
                {
                    "id": "Topic",
                    "arn": self.topic_arn,
                    "inputTransformer": {"inputPathsMap": paths, "inputTemplate": json.dumps(text)},
                }
            ],
        )
