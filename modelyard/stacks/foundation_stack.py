"""What a stage keeps."""

from collections.abc import Sequence

from constructs import Construct

from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.delivery_access import DeliveryAccess
from modelyard.constructs.emptier import Emptier
from modelyard.constructs.execution_roles import ExecutionRoles
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.platform_parameters import add_ledger, add_store
from modelyard.constructs.resource import token
from modelyard.settings import Delivery, Stage
from modelyard.stacks.base import StageStack


class FoundationStack(StageStack):
    """A stage's key, buckets, ledger, roles and base parameters; protected from termination unless disposable.

    Args:
        stage: where it stands.
        delivery: what delivers to the stage; its functions get roles here. Default: nothing does.
        access: what these functions do in the stage, see `purposes_of`.

    Attributes:
        store: key and buckets.
        ledger: the ledger.
        roles: the roles that SageMaker assumes.
        emptier: of a disposable stage, empties what is to be deleted; None otherwise.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        delivery: Delivery | None = None,
        access: Sequence[str] = (),
    ) -> None:
        super().__init__(
            scope,
            id,
            stage=stage,
            description=f"Modelyard {stage.name}: key, buckets, ledger, roles",
            protected=not stage.disposable,
        )
        retain = not stage.disposable
        self.store = ArtifactStore(self, "Store", stage=stage.name, retain=retain, adopt=stage.adopt)
        self.ledger = Ledger(self, "Ledger", stage=stage.name, key=self.store.key, retain=retain, adopt=stage.adopt)
        self.emptier = (
            Emptier(self, "Emptier", stage=stage.name, buckets=self.store.buckets) if stage.disposable else None
        )
        in_vpc = stage.network is not None
        self.roles = ExecutionRoles(
            self,
            "Roles",
            stage=stage.name,
            store=self.store,
            in_vpc=in_vpc,
            image_account=delivery.account if delivery else None,
        )
        if delivery:
            DeliveryAccess(
                self,
                "Delivery",
                stage=stage.name,
                account=delivery.account,
                purposes=access,
                store=self.store,
            )
        parameters = ParameterRegistry(self, "Parameters", stage=stage.name)
        add_store(parameters, self.store)
        add_ledger(parameters, self.ledger)
        for key, value, description in (
            ("capture-bucket", token(self.store.capture, "bucket_name"), "bucket that endpoints record to"),
            ("key-arn", token(self.store.key, "key_arn"), "KMS key of the stage"),
            ("pipeline-role-arn", token(self.roles.pipeline, "role_arn"), "role of pipelines"),
            ("job-role-arn", token(self.roles.job, "role_arn"), "role of processing and training jobs"),
            ("endpoint-role-arn", token(self.roles.endpoint, "role_arn"), "role of endpoints"),
        ):
            parameters.add(key, value, description=description)
