"""What is to be stood up, as the stacks take it."""

from dataclasses import dataclass
from typing import Any, Self

from pydantic import model_validator

from modelyard import names
from modelyard.settings.delivery import DeliveryKeys
from modelyard.settings.instances import names_accelerators
from modelyard.settings.schema import PlatformFile, ProjectKeys, ProjectName, StageKeys, StageName
from modelyard.settings.section import rule


class Stage(StageKeys):
    """One stage: an account and region that the platform stands in.

    Args:
        name: part of every name in the stage; lower-case letters and digits.
        account: AWS account, 12 digits.
        region: AWS region.
        disposable: whether destroying the stage deletes its data, models and images. By default they are retained and
            the stack that holds them is protected from termination.
        adopt: whether to take over what an earlier, destroyed deployment of the stage retained. By default it is made.
        network: the VPC of jobs and endpoints; by default none.
        permissions_boundary: ARN of a policy that bounds every role; by default none.
        notification_emails: who is told of alarms and roll backs.
    """

    name: StageName

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if self.name in names.RESERVED_STAGE_NAMES:
            raise rule(f"received {self.name}, which the platform uses itself; choose another", "name")
        return self


class Project(ProjectKeys):
    """One ML project: a pipeline and, if asked for, the endpoint that serves its approved model.

    Args:
        name: part of every name of the project; lower-case letters, digits and single hyphens.
        pipeline: the name of its pipeline's folder; by default the project's name.
        stages: names of the stages the project is deployed to; by default all.
        parameters: defaults of pipeline parameters, in the place of those that the pipeline states.
        schedule: when the pipeline is started, `rate(…)` or `cron(…)` in UTC; by default only by hand.
        data_trigger: the new data that starts the pipeline; by default none does.
        training: what training jobs run on; by default what the pipeline states, and never on spot capacity.
        endpoint: capacity of the endpoint; by default the project has none.
    """

    name: ProjectName

    @property
    def pipeline_folder(self) -> str:
        """The name of its pipeline's folder."""
        return self.pipeline or self.name

    @property
    def pipeline_parameters(self) -> dict[str, str | int | float | bool]:
        """Defaults of pipeline parameters: those of `parameters` and `training`."""
        return {**self.parameters, **self.training.parameters}

    @property
    def data_prefix(self) -> str:
        """How the keys begin of the data that starts the pipeline, where any does."""
        return (self.data_trigger and self.data_trigger.prefix) or f"{self.name}/"

    @property
    def accelerated(self) -> bool:
        """Whether its endpoint, or one of its parameters, names an instance type with accelerators."""
        endpoint = self.endpoint.instance_type if self.endpoint else None
        return any(names_accelerators(value) for value in (endpoint, *self.pipeline_parameters.values()))


class Delivery(DeliveryKeys):
    """The pipeline that takes a commit from stage to stage.

    Args:
        account: AWS account of the pipeline and of the images, 12 digits.
        region: its AWS region.
        stages: names of the stages that it delivers to, in their order; by default all of the file, in the file's.
        source: the repository that commits come from; by default a zip file that is put in the source bucket.
        disposable: whether destroying it deletes its buckets; by default they are retained.
        permissions_boundary: ARN of a policy that bounds its roles; by default none.
        notification_emails: who is told of failures and of what awaits approval.
    """


@dataclass(frozen=True)
class Settings:
    """All that is to be stood up."""

    stages: tuple[Stage, ...]
    projects: tuple[Project, ...]
    delivery: Delivery | None = None

    @staticmethod
    def from_file(file: PlatformFile) -> "Settings":
        """The settings that a validated file holds."""
        return Settings(
            stages=tuple(Stage(name=name, **_values(keys)) for name, keys in file.stages.items()),
            projects=tuple(Project(name=name, **_values(keys)) for name, keys in file.projects.items()),
            delivery=Delivery(**_values(file.delivery)) if file.delivery else None,
        )

    def delivered_stages(self) -> tuple[Stage, ...]:
        """The stages that the delivery goes through, in its order; none where there is no delivery."""
        if self.delivery is None:
            return ()
        stages = {stage.name: stage for stage in self.stages}
        return tuple(stages[name] for name in self.delivery.stages or stages)

    def projects_of(self, stage: Stage) -> tuple[Project, ...]:
        """The projects that are deployed to `stage`."""
        return tuple(project for project in self.projects if project.stages is None or stage.name in project.stages)


def _values(keys: StageKeys | ProjectKeys | DeliveryKeys) -> dict[str, Any]:
    return {name: getattr(keys, name) for name in keys.model_fields_set}
