"""The stage's memory of approvals, attempts and holds."""

from functools import cached_property

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import acknowledge
from modelyard.constructs.resource import token
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
        table_name: the table's name.
        table_arn: the table's ARN.

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
        self._key = key
        self._adopted = adopt
        self.table_name = names.ledger_table(stage_of(self, stage))
        if adopt:
            self.table_arn = Arns.of(self).arn("dynamodb", f"table/{self.table_name}")
            return
        table = dynamodb.CfnTable(
            Construct(self, "Table"),
            "Resource",
            table_name=self.table_name,
            attribute_definitions=[{"attributeName": name, "attributeType": "S"} for name in ("pk", "sk")],
            key_schema=[
                {"attributeName": "pk", "keyType": "HASH"},
                {"attributeName": "sk", "keyType": "RANGE"},
            ],
            billing_mode="PAY_PER_REQUEST",
            sse_specification={"kmsMasterKeyId": token(key, "key_arn"), "sseEnabled": True, "sseType": "KMS"},
            point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
            deletion_protection_enabled=retain,
        )
        # Not `removal_policy`: its protection would make the roll back of a failed deployment fail.
        table.apply_removal_policy(RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY)
        self.table_name, self.table_arn = table.ref, table.attr_arn
        acknowledge(self, _ACKNOWLEDGED)

    @cached_property
    def table(self) -> dynamodb.ITable:
        """The table, for what the CDK builds upon it."""
        return dynamodb.Table.from_table_attributes(
            self,
            "Known",
            table_name=self.table_name if self._adopted else None,
            table_arn=None if self._adopted else self.table_arn,
            encryption_key=self._key,
        )
