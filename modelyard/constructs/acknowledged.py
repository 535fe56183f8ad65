"""What cdk-nag says of every role, function and log of the platform; the rest is acknowledged where it is."""

from constructs import IConstruct

from modelyard.constructs.permissions import acknowledge

_RULES = "NIST.800.53.R5-"
_ACKNOWLEDGED = {
    "IAMNoInlinePolicy": "each policy is that of one role and lives and dies with it; nobody else is to attach it",
    "LambdaInsideVPC": "the functions call APIs of AWS alone, with TLS; a VPC would add an interface endpoint for each",
    "LambdaConcurrency": "the queue's message groups bound them; a reservation would take from others of the account",
    "LambdaDLQ": "without one are only functions whose caller awaits the result and asks again, or says that it failed",
    "CloudWatchLogGroupEncrypted": "CloudWatch Logs encrypts them itself; a log group takes no key by its alias, "
    "all that is known of an adopted one, and no data of models or requests is logged",
}


def acknowledge_for_platform(scope: IConstruct) -> None:
    """Acknowledge what cdk-nag says of every role, function and log of the platform, for those in `scope`."""
    acknowledge(scope, {f"{_RULES}{rule}": reason for rule, reason in _ACKNOWLEDGED.items()})
