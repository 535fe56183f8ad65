"""Runs in the environment of the image `asr`: saves a tiny model that was never trained, and what it writes.

That is nonsense, but always the same for the same recording.
Usage: speech_model.py FOLDER WAV…; writes FOLDER/model.nemo, and FOLDER/texts.json with the text that NeMo's own
transcribe() gives for each wav file's name.
"""

import json
import logging
import string
import sys
from pathlib import Path
from typing import Any

logging.disable(logging.WARNING)
LABELS = [" ", *string.ascii_lowercase]
FILTERS = 16


def block(kernel: int, *, repeat: int = 1, stride: int = 1) -> dict[str, Any]:
    """A block of the encoder."""
    return {
        "filters": FILTERS,
        "repeat": repeat,
        "kernel": [kernel],
        "stride": [stride],
        "dilation": [1],
        "dropout": 0.0,
        "residual": False,
        "separable": True,
    }


def configuration() -> dict[str, Any]:
    """A QuartzNet of three blocks."""
    modules = "nemo.collections.asr.modules"
    preprocessor = {
        "_target_": f"{modules}.AudioToMelSpectrogramPreprocessor",
        "sample_rate": 16_000,
        "features": 64,
        "window_size": 0.025,
        "window_stride": 0.01,
        "window": "hann",
        "n_fft": 512,
        "normalize": "per_feature",
    }
    encoder = {
        "_target_": f"{modules}.ConvASREncoder",
        "feat_in": 64,
        "activation": "relu",
        "conv_mask": True,
        "jasper": [block(11, stride=2), block(9, repeat=2), block(1)],
    }
    decoder = {
        "_target_": f"{modules}.ConvASRDecoder",
        "feat_in": FILTERS,
        "num_classes": len(LABELS),
        "vocabulary": LABELS,
    }
    return {
        "sample_rate": 16_000,
        "labels": LABELS,
        "preprocessor": preprocessor,
        "encoder": encoder,
        "decoder": decoder,
        "optim": {"name": "adamw"},
    }


def main(folder: Path, recordings: list[str]) -> None:
    """Make, save, transcribe."""
    import torch
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import OmegaConf

    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = EncDecCTCModel(cfg=OmegaConf.create(configuration())).eval()
    layer = model.decoder.decoder_layers[0]
    with torch.no_grad():
        noise = torch.rand(1, 64_000) - 0.5
        log_probabilities = model.forward(input_signal=noise, input_signal_length=torch.tensor([noise.shape[1]]))[0]
        # Otherwise one letter wins all the time.
        layer.bias -= log_probabilities.mean(dim=(0, 1))
    model.save_to(str(folder / "model.nemo"))
    if not recordings:
        return
    texts = [result.text for result in model.transcribe(recordings, batch_size=1, verbose=False)]
    names = [Path(recording).name for recording in recordings]
    (folder / "texts.json").write_text(json.dumps(dict(zip(names, texts, strict=True))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
