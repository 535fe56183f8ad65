"""What code outside the stacks has to know of a stage's parts: each key and its description once."""

from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.resource import token

__all__ = ["add_hook", "add_ledger", "add_store"]


def add_store(parameters: ParameterRegistry, store: ArtifactStore) -> None:
    """The buckets of pipelines."""
    parameters.add("data-bucket", token(store.data, "bucket_name"), description="bucket that pipelines read")
    parameters.add("artifacts-bucket", token(store.artifacts, "bucket_name"), description="bucket that pipelines write")


def add_ledger(parameters: ParameterRegistry, ledger: Ledger) -> None:
    """The table of the ledger."""
    description = "table of approvals, attempts and holds"
    parameters.add("ledger-table", ledger.table_name, description=description)


def add_hook(parameters: ParameterRegistry, hook: ApprovalHook) -> None:
    """The queue of the hook."""
    description = "queue of the endpoints to be reconciled"
    parameters.add("queue-url", hook.queue_url, description=description)
