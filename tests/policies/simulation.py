"""Whether the roles of a deployment may do what they do, by every policy that AWS asks.

See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html, and for
objects that are encrypted https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.policies.bootstrap import AWS_POLICIES
from tests.policies.deployment import Deployment, Resource
from tests.policies.evaluator import Policy, allowed, allowed_with_resource_policy, may_assume

__all__ = ["Role", "Simulation"]

# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_FOR_EVERYBODY = ("sts:GetCallerIdentity",)
# What the record tells no resource of: lists of metric alarms, which may be had of all of them
# (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html), and targets, whose ids no
# request tells.
_ALARMS = "arn:aws:cloudwatch:{region}:{account}:alarm:*"
_TARGETS = "arn:aws:application-autoscaling:{region}:{account}:scalable-target/*"
_UNNAMED = {
    "cloudwatch:DescribeAlarms": _ALARMS,
    "cloudwatch:DescribeAlarmHistory": _ALARMS,
    "application-autoscaling:DeregisterScalableTarget": _TARGETS,
    "application-autoscaling:PutScalingPolicy": _TARGETS,
    "application-autoscaling:RegisterScalableTarget": _TARGETS,
}
# Endpoints are all that is scaled.
_SCALED = {"application-autoscaling:service-namespace": "sagemaker"}
_NONE: Policy = {"Statement": []}
# Where templates have the policies of resources: in resources of their own, or in the resource itself.
_POLICY_HOLDERS = {
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
}
_OWN_POLICIES = {"AWS::KMS::Key": "KeyPolicy", "AWS::ECR::Repository": "RepositoryPolicyText"}
# What an action needs of the key that a resource is encrypted with. Uploads in several parts are read back.
_KEY_ACTIONS = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "dynamodb:GetItem": ("kms:Decrypt",),
    "dynamodb:Query": ("kms:Decrypt",),
    "dynamodb:Scan": ("kms:Decrypt",),
    "dynamodb:PutItem": ("kms:Decrypt",),
    "dynamodb:UpdateItem": ("kms:Decrypt",),
    "dynamodb:DeleteItem": ("kms:Decrypt",),
}


@dataclass
class Role:
    """A role, and what its policies say."""

    resource: Resource
    policies: list[Policy] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.resource.arn

    @property
    def account(self) -> str:
        """Its account."""
        return self.resource.stack.account

    @property
    def trust(self) -> Policy:
        """Who may assume it."""
        found: Policy = self.resource.properties["AssumeRolePolicyDocument"]
        return found


class Simulation:
    """The policies of a deployment.

    Attributes:
        roles: by ARN.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.roles = _roles(deployment)
        self._known = {resource.arn: resource for resource in deployment.resources if resource.arn}
        self._policies = _resource_policies(deployment)

    def missing(self, role: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> list[str]:
        """What keeps `role` from doing `action` on `resource`, one line each; nothing where it may.

        Args:
            role: its ARN.
            action: as IAM names it.
            resource: an ARN, or `*`.
            context: further condition keys, such as `iam:PassedToService`.
        """
        if role not in self.roles:
            return [f"no template has the role {role}, which did {action} on {resource}"]
        if action in _FOR_EVERYBODY:
            return []
        asked = self._as_judged(role, action, resource)
        found = [
            f"{what} does not allow {action} on {asked}" for what in self._asked(role, action, asked, context or {})
        ]
        if action == "sts:AssumeRole":
            trusted = resource in self.roles and may_assume(self.roles[resource].trust, role)
            found += [] if trusted else [f"the trust policy of {resource} does not trust {role}"]
        return [*found, *self._missing_of_key(role, action, resource)]

    def may(self, role: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Whether `role` may do `action` on `resource`."""
        return not self.missing(role, action, resource, context)

    def serves(self, role: str, service: str) -> bool:
        """Whether `service` may assume `role`."""
        account = self.roles[role].account
        return may_assume(self.roles[role].trust, service, {"aws:SourceAccount": account})

    def owner(self, resource: str) -> str:
        """The account of a resource; empty for what is in none, and for a bucket that is not known."""
        known = self._holder(resource)
        return known.stack.account if known else (resource.split(":") + [""] * 5)[4]

    def key_of(self, resource: str) -> str:
        """The ARN of the key of a bucket, a topic, a queue or a table; empty where it has none of its own."""
        known = self._holder(resource)
        return self._key_arn(known) if known else ""

    def _as_judged(self, role: str, action: str, resource: str) -> str:
        """The ARN that policies are held against: a log group's ends as those of its streams do."""
        if resource == "*" and action in _UNNAMED:
            stack = self.roles[role].resource.stack
            return _UNNAMED[action].format(region=stack.region, account=stack.account)
        if ":log-group:" in resource and ":log-stream:" not in resource:
            return f"{resource.removesuffix(':*')}:log-stream:"
        return resource

    def _asked(self, role: str, action: str, resource: str, context: Mapping[str, str]) -> Iterator[str]:
        """The policies that do not allow it."""
        principal = self.roles[role]
        owner = self.owner(resource) or principal.account
        region = resource.split(":")[3] if resource.count(":") > 3 else ""
        keys = {
            "aws:PrincipalArn": role,
            "aws:PrincipalAccount": principal.account,
            "aws:ResourceAccount": owner,
            "s3:ResourceAccount": owner,
            "s3:TlsVersion": "1.3",
            **({"aws:RequestedRegion": region} if region else {}),
            **(_SCALED if action.startswith("application-autoscaling:") else {}),
            **context,
        }
        identity = allowed(principal.policies, action, resource, keys)
        # Assuming a role is the trust policy's to allow, which `missing` asks; and trust in an account leaves it to
        # the identity policy.
        policy = None if action == "sts:AssumeRole" else self._policies.get(self._holder_arn(resource))
        key = action.startswith("kms:")
        if action == "sts:AssumeRole" or (policy is None and owner == principal.account):
            if not identity:
                yield f"the identity policy of {role}"
            return
        together = allowed_with_resource_policy(
            principal.policies, policy, role, action, resource, owner=owner, key=key, context=keys
        )
        if together:
            return
        everything: Policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        by_policy = allowed_with_resource_policy(
            [everything], policy, role, action, resource, owner=owner, key=key, context=keys
        )
        if not identity:
            yield f"the identity policy of {role}"
        if not by_policy:
            yield f"the policy of {self._holder_arn(resource)}"

    def _missing_of_key(self, role: str, action: str, resource: str) -> list[str]:
        holder, key = self._holder(resource), self.key_of(resource)
        if not key or holder is None or action not in _KEY_ACTIONS:
            return []
        service = action.partition(":")[0]
        keys = {
            "kms:ViaService": f"{service}.{holder.stack.region}.amazonaws.com",
            "kms:CallerAccount": self.roles[role].account,
            # The name of what encrypts; a bucket's where it has a key of its own for its objects.
            f"kms:EncryptionContext:aws:{service}:arn": holder.arn,
        }
        wanted = ((each, policy) for each in _KEY_ACTIONS[action] for policy in self._asked(role, each, key, keys))
        return [f"{policy} does not allow {each} on {key}, the key of {holder.arn}" for each, policy in wanted]

    def _holder_arn(self, resource: str) -> str:
        """What has the policy that counts for a resource: an object's bucket, a stream's log group."""
        return resource.partition("/")[0] if resource.startswith("arn:aws:s3:::") else resource

    def _holder(self, resource: str) -> Resource | None:
        return self._known.get(self._holder_arn(resource))

    def _key_arn(self, resource: Resource) -> str:
        properties = resource.properties
        match resource.type:
            case "AWS::S3::Bucket":
                rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
                given = [rule.get("ServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
                key = next(filter(None, given), "")
            case "AWS::DynamoDB::Table":
                key = properties.get("SSESpecification", {}).get("KMSMasterKeyId", "")
            case "AWS::SNS::Topic" | "AWS::SQS::Queue":
                key = properties.get("KmsMasterKeyId", "")
            case _:
                key = ""
        if not key or key.startswith("arn:"):
            return str(key)
        stack = resource.stack
        return f"arn:aws:kms:{stack.region}:{stack.account}:key/{key}"


def _roles(deployment: Deployment) -> dict[str, Role]:
    roles = {resource.arn: Role(resource) for resource in deployment.of_type("AWS::IAM::Role")}
    by_name = {(role.account, role.resource.name): role for role in roles.values()}
    managed = {resource.name: resource for resource in deployment.of_type("AWS::IAM::ManagedPolicy")}
    for role in roles.values():
        properties = role.resource.properties
        role.policies += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for arn in properties.get("ManagedPolicyArns", []):
            own = managed.get(arn)
            role.policies.append(own.properties["PolicyDocument"] if own else AWS_POLICIES.get(arn, _NONE))
    for policy in [*deployment.of_type("AWS::IAM::Policy"), *managed.values()]:
        for name in policy.properties.get("Roles", []):
            by_name[(policy.stack.account, name)].policies.append(policy.properties["PolicyDocument"])
    return roles


def _resource_policies(deployment: Deployment) -> dict[str, Policy]:
    """The policies that resources have of their own, by ARN."""
    found: dict[str, Policy] = {}
    for type, (holders, document) in _POLICY_HOLDERS.items():
        for resource in deployment.of_type(type):
            given = resource.properties[holders]
            for name in given if isinstance(given, list) else [given]:
                (arn,) = {each.arn for each in deployment.resources if _is(each, name, resource)}
                found[arn] = resource.properties[document]
    for type, document in _OWN_POLICIES.items():
        for resource in deployment.of_type(type):
            if document in resource.properties:
                statements = resource.properties[document]["Statement"]
                # A repository's policy names no resource, as it is its own.
                found[resource.arn] = {"Statement": [{"Resource": "*", **each} for each in statements]}
    return found


def _is(resource: Resource, name: str, holder: Resource) -> bool:
    same_stack = resource.stack is holder.stack
    return same_stack and resource.arn != "" and resource.type != holder.type and name in (resource.name, resource.arn)
