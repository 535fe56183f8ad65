"""What there is to see of the approval hook."""

from collections.abc import Mapping

from constructs import Construct

from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.dashboard import Line, add_dashboard
from modelyard.constructs.hook_metrics import RECONCILE_ERRORS

_QUEUES = "AWS/SQS"
_FUNCTIONS = "AWS/Lambda"


def add_serving_dashboard(scope: Construct, id: str, *, name: str, hook: ApprovalHook) -> None:
    """Add a dashboard of the queue's depth and age, the functions' errors and durations, and the dead-letter queues.

    Args:
        scope: of the dashboard.
        id: of the dashboard.
        name: of the dashboard, a contract with whoever looks for it.
        hook: the approval hook.
    """
    queue = {"QueueName": hook.queue_name}
    functions = {label: {"FunctionName": function} for label, function in hook.function_names.items()}
    depth = "ApproximateNumberOfMessagesVisible"
    graphs = {
        "Endpoints waiting": [
            Line(depth, "Maximum", _QUEUES, queue, "waiting"),
            Line("ApproximateNumberOfMessagesNotVisible", "Maximum", _QUEUES, queue, "under way or backing off"),
        ],
        "Age of the oldest message in seconds": [
            Line("ApproximateAgeOfOldestMessage", "Maximum", _QUEUES, queue, "age")
        ],
        "Errors": [
            *_of_each("Errors", "Sum", functions),
            Line(RECONCILE_ERRORS, "Sum", hook.metrics.namespace, {}, "not waited out"),
        ],
        "Dead-letter queues": [
            Line(depth, "Maximum", _QUEUES, {"QueueName": dead}, label)
            for label, dead in hook.dead_letter_queue_names.items()
        ],
        "Durations in milliseconds": _of_each("Duration", "p99", functions),
    }
    add_dashboard(scope, id, name=name, graphs=graphs)


def _of_each(metric: str, statistic: str, functions: Mapping[str, Mapping[str, str]]) -> list[Line]:
    return [Line(metric, statistic, _FUNCTIONS, dimensions, label) for label, dimensions in functions.items()]
