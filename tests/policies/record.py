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
from tests.policies.deployment import HASH, Deployment

__all__ = ["RECORD", "Use", "idle", "made_of", "read_record"]

RECORD = Path(__file__).with_name("delivery_calls.json")

Use = tuple[str, str, str, str]
"""A role, an action, a resource and, where the action is to pass a role, the service that it is passed to."""

# What a person does in an account, and what the local AWS does for itself.
_NO_ROLES = re.compile(r":root$|:user/|:role/(OrganizationAccountAccessRole|modelyard-local)$")
# CodeBuild of a local AWS makes each log group, where AWS's finds those there that a project names.
_NOTHING_DONE = ("AccessDenied", "AccessDeniedException", "ResourceAlreadyExistsException")
_PASSED_TO = " to "
_DELIVERS = re.compile(r":role/(modelyard-([\w-]+-)?delivery-|cdk-\w+-deploy-role-)")
_GENERATED = (
    re.compile(r"^(arn:.*?[:/])(Modelyard-[\w-]+?)-?[0-9A-F]{13}\b"),
    # A local AWS names a project by its logical id; CloudFormation as any other resource.
    re.compile(r"^(arn:aws:codebuild:.*:project/)(\w+)-[0-9a-f]{12}$"),
)
_DRAWN = (
    # A local AWS names a log group by its stack and logical id; CloudFormation as any other resource.
    (re.compile(r"/aws/cloudformation/([\w-]+)/(\w+)"), r"\1-\2"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "0" * 8),
    (re.compile(r"\b[0-9a-f]{64}\b"), HASH),
    (re.compile(r"(:stack/[^/]+/)0{8}"), r"\g<1>*"),
    # Jobs and executions of SageMaker's pipelines, builds' log streams, artifacts of CodePipeline.
    (re.compile(r"\bpipelines-[0-9a-z]{12}-([\w-]+?)-[0-9A-Za-z]{10}\b"), r"pipelines-0-\1-0"),
    (re.compile(r"(/execution/|:::modelyard-\w+-artifacts-[^/]+/[\w-]+/)[0-9a-z]{12}\b"), r"\g<1>0"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "0"),
    (re.compile(r"(:::modelyard-delivery-artifacts-[^/]+/modelyard-delivery/\w+/)\w+"), r"\g<1>0"),
    (re.compile(r"\b\d{4}/\d\d/\d\d/\[\$LATEST\]\w+"), "0"),
)


def made_of(calls: Iterable[Call], generated: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The record: for each role its actions, and for each of these its resources.

    Args:
        calls: in the order in which they were recorded.
        generated: ARNs of what has no name of its own.
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
    for pattern in _GENERATED:
        text = pattern.sub(lambda found: _as_in_template(found.group(1), found.group(2), generated), text, count=1)
    return text


def _as_in_template(before: str, given: str, generated: Sequence[str]) -> str:
    """The ARN in the templates of what has this one, up to a name that may be cut off or be a logical id alone."""
    known = [arn for arn in generated if arn.startswith(before)]
    for fits in (
        [arn for arn in known if arn == before + given],
        [arn for arn in known if arn.startswith(before + given)],
        [arn for arn in known if arn.endswith(f"-{given}")],
    ):
        if len(fits) == 1:
            return fits[0]
    return before + given


def idle(deployment: Deployment, record: Mapping[str, object]) -> list[str]:
    """The roles that deploy and that deliver of which the record has nothing: the run did not come to them."""
    roles = [role.arn for role in deployment.of_type("AWS::IAM::Role")]
    return [arn for arn in roles if _DELIVERS.search(arn) and arn not in record]


def generated_arns(deployment: Deployment) -> list[str]:
    """The ARNs of what has no name of its own."""
    names = {resource.arn: f"{resource.stack.name}-{resource.id}" for resource in deployment.resources}
    # What follows the name, as in a log group's and a queue's, is not drawn.
    return [f"{before}{name}" for arn, name in names.items() for before, found, _ in [arn.partition(name)] if found]


def main(file: Path) -> None:
    """Write the record that is made of `file`."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = delivered(Path(folder))
    record = made_of(read_calls(file), generated_arns(deployment))
    if missing := idle(deployment, record):
        sys.exit(f"{file} is not of a whole delivery: there is nothing that these roles did: {', '.join(missing)}")
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{RECORD}: {len(list(_uses(record)))} calls of {len(record)} roles")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
