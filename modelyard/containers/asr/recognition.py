"""A CTC model of NVIDIA NeMo that transcribes batches of recordings, in memory known from the start."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import quiet  # noqa: F401

# isort: split
import torch
from audio import Samples
from batching import groups
from limits import Limits
from nemo.collections.asr.models import ASRModel, EncDecCTCModel
from nemo.utils import logging as nemo_logging

MODEL = "model.nemo"


class Recogniser:
    """The model of a folder's `model.nemo`, on the GPU where there is one, else on one thread of the CPU.

    Args:
        folder: holds `model.nemo` and perhaps `serving.json`.
        limits: no batch goes beyond them.

    Attributes:
        broken: why nothing more can be run, where the GPU failed in a way from which a process cannot recover.

    Raises:
        FileNotFoundError, TypeError: there is no model, or it is no CTC model.
        MemoryError: the largest batch that `limits` allow does not fit into the GPU's memory.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        nemo_logging.setLevel(logging.ERROR)
        path = folder / MODEL
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; model.tar.gz must hold {MODEL}")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cpu":
            # A second thread costs more than it brings where requests, too, need a processor.
            torch.set_num_threads(1)
        model = ASRModel.restore_from(str(path), map_location=self.device)
        if not isinstance(model, EncDecCTCModel):
            raise TypeError(f"{path} holds a {type(model).__name__}; this image serves an EncDecCTCModel")
        self._model = model.eval()
        # As NeMo's own transcribe(): the features of a recording do not depend on the batch that it is in.
        self._model.preprocessor.featurizer.dither = 0.0
        self._model.preprocessor.featurizer.pad_to = 0
        self.sample_rate: int = model.cfg.sample_rate
        self.limits = limits
        self.broken: str | None = None
        self._warm_up()

    def transcribe(self, recordings: Sequence[Samples]) -> list[str]:
        """The texts of up to `max_batch` recordings of `sample_rate`, each of at most `max_seconds`."""
        texts = [""] * len(recordings)
        try:
            for group in groups([len(recording) for recording in recordings]):
                for index, text in zip(group, self._run([recordings[index] for index in group]), strict=True):
                    texts[index] = text
        except torch.AcceleratorError as error:
            self.broken = str(error)
            raise
        return texts

    def _run(self, recordings: list[Samples]) -> list[str]:
        lengths = torch.tensor([len(recording) for recording in recordings])
        signals = torch.zeros(len(recordings), int(lengths.max()))
        for row, recording in zip(signals, recordings, strict=True):
            row[: len(recording)] = torch.from_numpy(recording)
        with torch.inference_mode():
            log_probabilities, encoded_lengths, _ = self._model.forward(
                input_signal=signals.to(self.device), input_signal_length=lengths.to(self.device)
            )
            hypotheses = self._model.decoding.ctc_decoder_predictions_tensor(
                log_probabilities, decoder_lengths=encoded_lengths, return_hypotheses=False
            )
        return [getattr(hypothesis, "text", hypothesis) for hypothesis in hypotheses]

    def _warm_up(self) -> None:
        # On a GPU the largest batch there can be, so that it fits from now on, or the program does not start.
        count = self.limits.max_batch if self.device.type == "cuda" else 1
        noise = torch.rand(int(self.limits.max_seconds * self.sample_rate)).sub(0.5).numpy()
        try:
            self._run([noise] * count)
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"{count} recordings of {self.limits.max_seconds:g} s do not fit into the GPU's memory; lower "
                f"ASR_MAX_BATCH or ASR_MAX_SECONDS, or take a larger instance ({error})"
            ) from error
        batch = f"{self.limits.max_batch} recordings of {self.limits.max_seconds:g} s"
        print(f"transcribes up to {batch} at once on {self._told()}", file=sys.stderr)

    def _told(self) -> str:
        if self.device.type == "cpu":
            return f"the CPU (torch {torch.__version__}, CUDA build {torch.version.cuda})"
        properties = torch.cuda.get_device_properties(self.device)
        used = torch.cuda.max_memory_reserved(self.device)
        return f"{properties.name}, in {used / 2**30:.2f} of {properties.total_memory / 2**30:.1f} GiB"
