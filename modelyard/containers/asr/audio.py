"""Recordings out of the bodies of requests: wav, flac or another format of libsndfile, of any rate, mono or stereo."""

import base64
import binascii
import io
import json
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

JSON = "application/json"
FORM = '{"audio": "<a wav or flac file in base64>"}'
TYPES = ("audio/wav", "audio/x-wav", "audio/flac", "application/octet-stream", JSON)
MAX_RATE = 384_000
MIN_SECONDS = 0.1

Samples = NDArray[np.float32]


class Refusal(Exception):
    """A request that is answered with `status`, a 4xx or 503, and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def recording(body: bytes, content_type: str, *, rate: int, max_seconds: float) -> Samples:
    """The recording in a body: mono, `rate` samples a second.

    Raises:
        Refusal: 415 for another content type than TYPES; 400 for a body that holds no usable recording; 413 for one
            that is longer than `max_seconds`.
    """
    form = content_type.partition(";")[0].strip().lower()
    if form not in TYPES:
        raise Refusal(415, f"Content-Type {form or '(none)'} is not supported; send {', '.join(TYPES)}")
    if not body:
        raise Refusal(400, "the body is empty; send a recording")
    return decoded(unpacked(body) if form == JSON else body, rate, max_seconds)


def unpacked(body: bytes) -> bytes:
    """What the JSON `{"audio": "<base64>"}` holds."""
    try:
        content: Any = json.loads(body)
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Refusal(400, f"the JSON is nested too deeply; it must be {FORM}") from error
    audio = content.get("audio") if isinstance(content, dict) else None
    if not isinstance(audio, str) or not audio:
        raise Refusal(400, f"the JSON must be {FORM}")
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, f"audio is not base64: {error}") from error


def decoded(content: bytes, rate: int, max_seconds: float) -> Samples:
    """A file's samples; no more of it is decoded than may be transcribed."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.channels > 2 or file.samplerate > MAX_RATE:
                raise Refusal(
                    400,
                    f"the audio has {file.channels} channels of {file.samplerate} Hz; send mono or stereo of at most "
                    f"{MAX_RATE} Hz",
                )
            source_rate = file.samplerate
            most = int(max_seconds * source_rate)
            samples = file.read(frames=most + 1, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", str(error))
        raise Refusal(400, f"the {len(content)} bytes are not audio that can be read: {reason}") from error
    if len(samples) > most:
        raise Refusal(413, f"the audio is longer than {max_seconds:g} s, the most that is transcribed")
    if len(samples) < MIN_SECONDS * source_rate:
        raise Refusal(400, f"the audio is {len(samples) / source_rate:.3f} s long; at least {MIN_SECONDS} s are needed")
    mono: Samples = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise Refusal(400, "the audio has samples that are no numbers")
    return mono if source_rate == rate else soxr.resample(mono, source_rate, rate)
