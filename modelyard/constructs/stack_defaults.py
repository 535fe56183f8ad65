"""What the constructs of a stack stand on where they are told nothing else."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from modelyard.constructs.acknowledged import acknowledge_for_platform
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.container_images import ContainerImages
from modelyard.constructs.emptier import Emptier
from modelyard.constructs.execution_roles import ExecutionRoles
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.notification_topic import notification_topic
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.part import Part, stack_of
from modelyard.constructs.platform_parameters import add_hook, add_ledger, add_store
from modelyard.constructs.stage_of import DEFAULTS_ID, stage_of
from modelyard.image_folders import CONTAINERS
from modelyard.settings import ConfigurationError

# jsii forgets the Python side of a construct that nothing in Python refers to.
_ALIVE: "list[StackDefaults]" = []


class StackDefaults(Part):
    """Store, ledger, roles, images, topic and approval hook of a stack, each made when a construct first asks for it.

    `ModelRegistry`, `TrainingPipeline` and `ModelEndpoint` find those of their stack, or make them. Write them down,
    before these, to have other ones, or to put parts of your own in the place of some.

    Names of buckets, table, alias and parameters, which are a contract, hold a stage name: see `modelyard.names`.
    Two stacks with one stage name in an account and region cannot be deployed.

    Args:
        stack: the stack; the construct's id in it is `Modelyard`.
        stage: the stage name, lower-case letters and digits. Default: that of `store`, or else the stack's name in
            small letters where that can be one (`Rings` gives `rings`), or else its beginning with a hash.
        retain: whether key, buckets, ledger, images and model package groups outlive the stack. Default: they do; else
            they are emptied and deleted with it.
        adopt: whether to refer to what an earlier deployment retained. Default: make it.
        store: key and buckets; emptied with what else is deleted, where they are of this stack and not retained.
            Default: those of `roles` or `hook`, or else of their own.
        ledger: approvals, attempts and holds. Default: that of `hook`, or else one of its own.
        roles: of pipelines, jobs and endpoints. Default: their own, for the store.
        topic: what alarms and roll backs are told to. Default: one of its own, encrypted with the store's key.
        hook: the approval hook. Default: one of its own.
        containers: folder of images' folders of your own, beside the library's; of equal names they win over these.
            Default: only the library's.

    Attributes:
        stage: the stage name.
        store: key and buckets.
        ledger: approvals, attempts and holds.
        roles: of pipelines, jobs and endpoints.
        topic: what alarms and roll backs are told to.
        hook: the approval hook.
        emptier: empties what is deleted with the stack; None where it is retained.
        retain: whether what holds state outlives the stack.

    Raises:
        ConfigurationError: the stage name is none, the stack has defaults already, or there is no folder `containers`.

    Example:
        >>> defaults = StackDefaults(stack, stage="age", retain=False)
        >>> registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
        >>> pipeline = TrainingPipeline(
        ...     stack, "Training", pipeline_name="rings", folder=Path("pipeline"), registry=registry
        ... )
        >>> allowed = defaults.store.data.grant_write(role)
    """

    def __init__(
        self,
        stack: Stack,
        *,
        stage: str | None = None,
        retain: bool = True,
        adopt: bool = False,
        store: ArtifactStore | None = None,
        ledger: Ledger | None = None,
        roles: ExecutionRoles | None = None,
        topic: sns.ITopic | None = None,
        hook: ApprovalHook | None = None,
        containers: Path = CONTAINERS,
    ) -> None:
        if stack.node.try_find_child(DEFAULTS_ID) is not None:
            raise ConfigurationError(
                f"{stack.node.path}: the stack has its defaults already; write StackDefaults once, before the first "
                "construct that stands on them"
            )
        if not containers.is_dir():
            raise ConfigurationError(f"containers: there is no folder {containers}; name the folder of images' folders")
        store = store or (roles.store if roles else hook.store if hook else None)
        ledger = ledger or (hook.ledger if hook else None)
        name = store.stage if store and stage is None else stage_of(stack, stage)
        super().__init__(stack, DEFAULTS_ID)
        self.stage = name
        self.retain = retain
        self._adopt = adopt
        self._containers = containers
        self._store, self._ledger, self._roles, self._topic, self._hook = store, ledger, roles, topic, hook
        _ALIVE.append(self)
        acknowledge_for_platform(self)
        # A part of another stack is that one's to care for.
        if store and store.stack is stack:
            add_store(self._parameters, store)
            if self.emptier and not store.retain:
                self.emptier.empty_buckets(store.buckets)
        if ledger and ledger.stack is stack:
            add_ledger(self._parameters, ledger)
        if hook and hook.stack is stack:
            add_hook(self._parameters, hook)

    @staticmethod
    def of(scope: IConstruct) -> "StackDefaults":
        """Those of the stack of `scope`, made if it has none."""
        stack = stack_of(scope)
        found = stack.node.try_find_child(DEFAULTS_ID)
        return found if isinstance(found, StackDefaults) else StackDefaults(stack)

    @cached_property
    def store(self) -> ArtifactStore:
        """Key and buckets."""
        if self._store:
            return self._store
        store = ArtifactStore(self, "Store", stage=self.stage, retain=self.retain, adopt=self._adopt)
        if self.emptier:
            self.emptier.empty_buckets(store.buckets)
        add_store(self._parameters, store)
        return store

    @cached_property
    def ledger(self) -> Ledger:
        """Approvals, attempts and holds."""
        if self._ledger:
            return self._ledger
        ledger = Ledger(self, "Ledger", stage=self.stage, key=self.store.key, retain=self.retain, adopt=self._adopt)
        add_ledger(self._parameters, ledger)
        return ledger

    @cached_property
    def roles(self) -> ExecutionRoles:
        """Roles of pipelines, jobs and endpoints."""
        return self._roles or ExecutionRoles(self, "Roles", stage=self.stage, store=self.store)

    @cached_property
    def topic(self) -> sns.ITopic:
        """What alarms and roll backs are told to."""
        return self._topic or notification_topic(self, "Notifications", self.store.key)

    @cached_property
    def hook(self) -> ApprovalHook:
        """The approval hook."""
        if self._hook:
            return self._hook
        hook = ApprovalHook(
            self,
            "ApprovalHook",
            stage=self.stage,
            ledger=self.ledger,
            store=self.store,
            endpoint_role=self.roles.endpoint,
            topic=self.topic,
        )
        add_hook(self._parameters, hook)
        return hook

    @property
    def emptier(self) -> Emptier | None:
        """Empties what is deleted with the stack."""
        return None if self.retain else self.emptier_of_groups

    @cached_property
    def emptier_of_groups(self) -> Emptier:
        """Empties model package groups that are deleted, whether or not all else is retained."""
        return Emptier(self, "Emptier", stage=self.stage)

    def images_for(self, *, accelerated: bool) -> Mapping[str, ContainerImage]:
        """The images by folder, each made when it is read; of a folder with variants the one that suits.

        Args:
            accelerated: whether instances with accelerators run them.
        """
        return self._images.suitable(accelerated=accelerated)

    @cached_property
    def _images(self) -> ContainerImages:
        scope = Construct(self, "Images")
        return ContainerImages(
            scope,
            builder=ImageBuilder(scope, "Builder", description=f"Modelyard {self.stage}: builds images"),
            folder=self._containers,
            # Repositories of that name stand in an account and region once.
            namespace=self.stage,
            retain=self.retain,
            adopt=self._adopt,
        )

    @cached_property
    def _parameters(self) -> ParameterRegistry:
        return ParameterRegistry(self, "Parameters", stage=self.stage)
