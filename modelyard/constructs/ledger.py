"""The stage's memory of approvals, attempts and holds."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from modelyard import names
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import acknowledge
from modelyard.constructs.stage_of import stage_of

_ACKNOWLEDGED = {
    "NIST.800.53.R5-DynamoDBInBackupPlan": "its point-in-time recovery reaches back to any second of the last 35 days"
}


class Ledger(Part):
    """A DynamoDB table with point-in-time recovery, paid per request, encrypted with the stage's key.

    Args:
        stage: name of the stage. Default: made of the stack's name.
        key: encrypts the table.
        retain: whether the table outlives the stack. Default: it does, and is protected from deletion.
        adopt: whether to refer to the table that an earlier deployment retained. Default: make it.

    Attributes:
        table: partition key `pk`, sort key `sk`, both text.

    Example:
        >>> store = ArtifactStore(stack, "Store", stage="age")
        >>> ledger = Ledger(stack, "Ledger", stage="age", key=store.key)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: kms.IKey,
        stage: str | None = None,
        retain: bool = True,
        adopt: bool = False,
    ) -> None:
        super().__init__(scope, id)
        name = names.ledger_table(stage_of(self, stage))
        self.table: dynamodb.ITable
        if adopt:
            self.table = dynamodb.Table.from_table_attributes(self, "Table", table_name=name, encryption_key=key)
            return
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=name,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=retain,
            # Not `removal_policy`: its protection would make the roll back of a failed deployment fail.
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
        acknowledge(self, _ACKNOWLEDGED)
