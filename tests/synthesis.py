"""Templates for tests, made the way `app.py` makes them."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# CloudFormation's own rules take most of a synthesis; tests/stacks/test_rules.py has them on, in a process of its own.
os.environ.setdefault("CDK_VALIDATION", "false")

from modelyard.cdk_app import App, create_app
from modelyard.settings import load_settings
from modelyard.stacks import add_platform

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "tests" / "stacks" / "platform.yaml"

Resource = dict[str, Any]


def build(settings: Path, outdir: Path, **places: Path) -> App:
    """The reference app with the platform of `settings`, not yet synthesised; `places` are those of `add_platform`."""
    app = create_app(ROOT, outdir=outdir)
    add_platform(app, load_settings(settings), **places)
    return app


@dataclass(frozen=True)
class Templates:
    """A cloud assembly on disk."""

    folder: Path

    def template(self, stack: str) -> dict[str, Any]:
        """The template of a stack."""
        template: dict[str, Any] = json.loads((self.folder / f"{stack}.template.json").read_text())
        return template

    def stacks(self) -> dict[str, dict[str, Any]]:
        """The template of every stack."""
        names = sorted(path.name.removesuffix(".template.json") for path in self.folder.glob("*.template.json"))
        return {name: self.template(name) for name in names}

    def manifest(self, stack: str) -> dict[str, Any]:
        """What the assembly says of a stack."""
        manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())["artifacts"][stack]
        return manifest

    def resources(self, stack: str, type: str) -> list[Resource]:
        """The resources of a type in a stack."""
        return [resource for resource in self.template(stack)["Resources"].values() if resource["Type"] == type]

    def resource(self, stack: str, type: str, logical_id: str = "") -> Resource:
        """The one resource of a type in a stack whose logical id starts with `logical_id`."""
        found = {
            id: resource
            for id, resource in self.template(stack)["Resources"].items()
            if resource["Type"] == type and id.startswith(logical_id)
        }
        assert len(found) == 1, sorted(found)
        return next(iter(found.values()))

    def pipeline(self, stack: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The definition of the one pipeline in a stack, and what is put into it when the stack is deployed."""
        properties = self.resource(stack, "AWS::SageMaker::Pipeline")["Properties"]
        body, values = properties["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Sub"]
        return json.loads(body), values

    def statements(self, stack: str, owner: str) -> list[dict[str, Any]]:
        """The statements of the policies in a stack: of their own or of roles, whose logical ids start with `owner`."""
        resources = self.template(stack)["Resources"]
        found: list[dict[str, Any]] = [
            statement
            for id, resource in resources.items()
            if id.startswith(owner)
            for document in policy_documents(resource)
            for statement in document["Statement"]
        ]
        assert found, sorted(resources)
        return found


def policy_documents(resource: Resource) -> list[dict[str, Any]]:
    """The documents of a policy or of the policies of a role; none of other resources."""
    match resource:
        case {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document}}:
            return [document]
        case {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}:
            return [policy["PolicyDocument"] for policy in policies]
    return []


def listed(value: Any) -> list[Any]:
    """A list of what a policy has one or several of."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A text of a template; what is known only when the stack is deployed stands as `<?>`."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        delimiter, parts = value["Fn::Join"]
        return str(delimiter.join(part if isinstance(part, str) else "<?>" for part in parts))
    return "<?>"


def dashboard_body(properties: Resource) -> dict[str, Any]:
    """What a dashboard shows."""
    body: dict[str, Any] = json.loads(text(properties["DashboardBody"]))
    return body


def scrubbed(value: Any) -> Any:
    """A template less what changes with the sources of assets: their hashes, and the definitions of pipelines."""
    scrubbed_text = re.sub(r"[0-9a-f]{64}", "<hash>", json.dumps(value))
    scrubbed_text = re.sub(
        r'(/modelyard/images/[a-z0-9_/]+/|"Tag": "|"Image[A-Z][A-Za-z]+)[0-9a-f]{16}"', r'\1<tag>"', scrubbed_text
    )
    template = json.loads(scrubbed_text)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SageMaker::Pipeline":
            properties["PipelineDefinition"] = "<definition>"
    return template
