"""Makes the record of a delivery's calls that the tests read: `python -m tests.policies.record CALLS_JSONL`.

CALLS_JSONL is the record of a local AWS in which `make demo-delivery` ran. Of it, each call of a role is kept once,
without its time, in an order of its own. Names that AWS makes up are replaced: those of resources by what their
templates call them, `<stack>-<logicalId>`, all others by zeros.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.policies.calls import Call, read_calls
from tests.policies.delivered import delivered
from tests.policies.deployment import Deployment

__all__ = ["RECORD", "Use", "made_of", "read_record"]

RECORD = Path(__file__).with_name("delivery_calls.json")

Use = tuple[str, str, str, str]
"""A role, an action, a resource and, where the action is to pass a role, the service that it is passed to."""

# What a person does in an account, and what the local AWS does for itself.
_NO_ROLES = re.compile(r":root$|:user/|:role/(OrganizationAccountAccessRole|modelyard-local)$")
# CodeBuild of a local AWS makes each log group, where AWS's finds those there that a project names.
_NOTHING_DONE = ("AccessDenied", "AccessDeniedException", "ResourceAlreadyExistsException")
_PASSED_TO = " to "
_GENERATED = re.compile(r"\b(Modelyard-[\w-]+?)-?[0-9A-F]{13}\b")
_DRAWN = (
    # A local AWS names a log group by its stack and logical id; CloudFormation as any other resource.
    (re.compile(r"/aws/cloudformation/([\w-]+)/(\w+)"), r"\1-\2"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "0" * 8),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 8),
    (re.compile(r"(:stack/[^/]+/)0{8}"), r"\g<1>*"),
    # Jobs and executions of SageMaker's pipelines, builds' log streams, artifacts of CodePipeline.
    (re.compile(r"\bpipelines-[0-9a-z]{12}-([\w-]+?)-[0-9A-Za-z]{10}\b"), r"pipelines-0-\1-0"),
    (re.compile(r"(/execution/)[0-9a-z]{12}\b"), r"\g<1>0"),
    (re.compile(r"(:::modelyard-delivery-artifacts-[^/]+/modelyard-delivery/\w+/)\w+"), r"\g<1>0"),
    (re.compile(r"\b\d{4}/\d\d/\d\d/\[\$LATEST\]\w+"), "0"),
)


def made_of(calls: Iterable[Call], generated: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The record: for each role its actions, and for each of these its resources.

    Args:
        calls: in the order in which they were recorded.
        generated: what resources without a name of their own are called.
    """
    found: dict[str, dict[str, set[str]]] = {}
    service = ""
    for call in calls:
        # A service asks for the role that it is passed right after the call that passes it.
        service = service if call.action == "iam:PassRole" else call.action.partition(":")[0]
        if _NO_ROLES.search(call.role) or call.error in _NOTHING_DONE:
            continue
        action = call.action + (f"{_PASSED_TO}{service}.amazonaws.com" if call.action == "iam:PassRole" else "")
        resources = found.setdefault(_plain(call.role, generated), {}).setdefault(action, set())
        resources |= {_plain(resource, generated) for resource in call.resources}
    return {
        role: {action: sorted(resources) for action, resources in sorted(actions.items())}
        for role, actions in sorted(found.items())
    }


def read_record(file: Path = RECORD) -> list[Use]:
    """Each thing that a role did."""
    return list(_uses(json.loads(file.read_text())))


def _uses(record: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Use]:
    for role, actions in record.items():
        for recorded, resources in actions.items():
            action, _, service = recorded.partition(_PASSED_TO)
            yield from ((role, action, resource, service) for resource in resources)


def _plain(text: str, generated: Sequence[str]) -> str:
    for pattern, replacement in _DRAWN:
        text = pattern.sub(replacement, text)
    return _GENERATED.sub(lambda found: _template_name(found.group(1), generated), text)


def _template_name(given: str, generated: Sequence[str]) -> str:
    """The name in the templates of what is called so, though perhaps cut off."""
    found = [given] if given in generated else [name for name in generated if name.startswith(given)]
    return found[0] if len(found) == 1 else given


def generated_names(deployment: Deployment) -> list[str]:
    """What the resources without names of their own are called."""
    return [
        resource.name for resource in deployment.resources if resource.name == f"{resource.stack.name}-{resource.id}"
    ]


def main(file: Path) -> None:
    """Write the record that is made of `file`."""
    with tempfile.TemporaryDirectory() as folder:
        generated = generated_names(delivered(Path(folder)))
    record = made_of(read_calls(file), generated)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{RECORD}: {len(list(_uses(record)))} calls of {len(record)} roles")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
