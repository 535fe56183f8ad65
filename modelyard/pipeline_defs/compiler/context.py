"""What `get_pipeline` receives: stand-ins for all that is known only when the stack is deployed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.pipeline_defs.compiler import sentinels
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

if TYPE_CHECKING:
    from sagemaker.core.shapes import ProcessingInput
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.train.configs import InputData

PROCESSING_PATH = "/opt/ml/processing/input/code"
TRAINING_PATH = "/opt/ml/input/data/code"


@dataclass(frozen=True)
class Source:
    """The script that a step runs and the files beside it that it needs, as one `sourcedir.tar.gz` in S3.

    The archive's name in S3 is its content hash, so that SageMaker's step caching sees when, and only when, one of
    these files changes.
    """

    script: str
    s3_uri: str

    @property
    def entrypoint(self) -> list[str]:
        """Container entrypoint of a processing job; give the job `processing_input()` as well.

        The shell's pattern finds the archive, since its name is known only to the deployment.
        """
        unpack = f'cd {PROCESSING_PATH} && tar -xzf *.gz && exec python3 "$0" "$@"'
        return ["/bin/bash", "-c", unpack, self.script]

    def processing_input(self) -> "ProcessingInput":
        """The processing input that brings the archive."""
        from sagemaker.core.shapes import ProcessingInput, ProcessingS3Input

        return ProcessingInput(
            input_name="code",
            s3_input=ProcessingS3Input(
                s3_uri=self.s3_uri, local_path=PROCESSING_PATH, s3_data_type="S3Prefix", s3_input_mode="File"
            ),
        )

    def training_input(self) -> "InputData":
        """The training channel that brings the archive; works under network isolation, unlike a fetch from S3."""
        from sagemaker.train.configs import InputData

        return InputData(channel_name="code", data_source=self.s3_uri)

    def hyperparameters(self) -> dict[str, str]:
        """The two hyperparameters by which a script-mode image finds its script."""
        return {"sagemaker_program": self.script, "sagemaker_submit_directory": TRAINING_PATH}


class PipelineContext:
    """The argument of every project's `get_pipeline`.

    Attributes:
        session: offline `PipelineSession`; give it to every SDK object as `sagemaker_session`.
        role: ARN of the role that the steps' jobs assume.
        bucket: name of the stage's artefact bucket, for what the pipeline writes.
        data_bucket: name of the stage's data bucket, for what the pipeline reads.
        kms_key: ARN of the stage's key, for outputs. Volumes need none: SageMaker encrypts them, and refuses a
            volume key on instances with local NVMe storage.
        model_package_group_name: the project's model package group.
    """

    def __init__(self, folder: Path, session: "PipelineSession") -> None:
        self.session = session
        self.role = sentinels.FIXED["JobRoleArn"][1]
        self.bucket = sentinels.FIXED["Bucket"][1]
        self.data_bucket = sentinels.FIXED["DataBucket"][1]
        self.kms_key = sentinels.FIXED["KmsKeyArn"][1]
        self.model_package_group_name = sentinels.FIXED["ModelPackageGroupName"][1]
        self._folder = folder
        self.sources: dict[str, list[str]] = {}
        self.images: set[str] = set()

    def image(self, folder: str) -> str:
        """URI of the image built from `containers/<folder>`."""
        self.images.add(folder)
        return sentinels.image(folder)[2]

    def source(self, script: str, *others: str) -> Source:
        """The bundle of `script`, which is run, and `others`, which it imports or reads; paths from the folder.

        Raises:
            PipelineDefinitionError: a file does not exist, or `script` was bundled before with other files.
        """
        files = [script, *others]
        folder = self._folder.resolve()
        for name in files:
            path = (folder / name).resolve()
            if not (path.is_file() and path.is_relative_to(folder)):
                raise PipelineDefinitionError(f"source({script!r}): there is no file {name!r} in {self._folder}")
        if self.sources.setdefault(script, files) != files:
            raise PipelineDefinitionError(
                f"source({script!r}): bundled twice, with {self.sources[script][1:]} and with {list(others)}; "
                "make one source and give it to both steps"
            )
        variable = sentinels.code(script)[0]
        other = next(name for name in self.sources if sentinels.code(name)[0] == variable)
        if other != script:
            raise PipelineDefinitionError(
                f"source({script!r}): its name in the template, {variable}, is that of {other!r} too; rename one"
            )
        return Source(script=script, s3_uri=sentinels.code(script)[2])
