"""What a request's body may be, and what is said of one that holds no usable recording."""

import base64
import io
import json
import math

import numpy as np
import pytest
import soundfile

from benchmarks.speech_requests import silence
from tests.containers.asr.image import module

audio = module("audio")


def tone(
    rate: int = 16_000, channels: int = 1, seconds: float = 0.5, form: str = "WAV", subtype: str = "PCM_16"
) -> bytes:
    """A file with a tone of 440 Hz at half loudness."""
    wave = np.sin(2 * math.pi * 440 * np.arange(round(seconds * rate)) / rate)
    file = io.BytesIO()
    samples = np.repeat((16_384 * wave[:, None]).astype(np.int16), channels, axis=1)
    # Whole numbers, so that a lossless format holds the very same samples; libsndfile does not scale them to fractions.
    content = samples / 32_768 if subtype == "FLOAT" else samples
    soundfile.write(file, content, rate, format=form, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        *(tone(rate, channels) for rate in (8000, 11_025, 16_000, 44_100, 96_000) for channels in (1, 2)),
        tone(form="FLAC"),
        tone(form="FLAC", rate=48_000, channels=2),
        tone(subtype="FLOAT"),
        tone(subtype="ULAW", rate=8000),
    ],
)
def test_any_rate_and_mono_or_stereo_is_the_same_sound(body: bytes) -> None:
    samples = audio.recording(body, "application/octet-stream", rate=16_000, max_seconds=1)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 8000) <= 1
    assert np.abs(np.fft.rfft(samples, 8000)).argmax() * 2 == 440
    assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("audio/wav", tone()),
        ("AUDIO/X-WAV; rate=16000", tone()),
        ("audio/flac", tone(form="FLAC")),
        ("application/json; charset=utf-8", json.dumps({"audio": base64.b64encode(tone()).decode()}).encode()),
    ],
)
def test_every_content_type_brings_the_same_samples(content_type: str, body: bytes) -> None:
    expected = audio.recording(tone(), "application/octet-stream", rate=16_000, max_seconds=1)
    assert np.array_equal(audio.recording(body, content_type, rate=16_000, max_seconds=1), expected)


def test_the_longest_and_the_shortest_recording_are_taken() -> None:
    assert len(audio.recording(silence(2.0), "audio/wav", rate=16_000, max_seconds=2.0)) == 32_000
    assert len(audio.recording(silence(0.1), "audio/wav", rate=16_000, max_seconds=2.0)) == 1600


def test_a_file_that_was_cut_off_brings_what_there_is_of_it() -> None:
    assert len(audio.recording(tone()[:-1600], "audio/wav", rate=16_000, max_seconds=1)) == 8000 - 800


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (
            tone(),
            "video/mp4",
            415,
            "Content-Type video/mp4 is not supported; send audio/wav, audio/x-wav, audio/flac, ",
        ),
        (tone(), "", 415, "Content-Type (none) is not supported; send audio/wav, "),
        (b"", "audio/wav", 400, "the body is empty; send a recording"),
        (b"no audio at all", "audio/wav", 400, "the 15 bytes are not audio that can be read: "),
        (tone()[:30], "audio/wav", 400, "the 30 bytes are not audio that can be read: "),
        (tone()[:44], "audio/wav", 400, "the audio is 0.000 s long; at least 0.1 s are needed"),
        (silence(0.09), "audio/wav", 400, "the audio is 0.090 s long; at least 0.1 s are needed"),
        (silence(2.001), "audio/wav", 413, "the audio is longer than 2 s, the most that is transcribed"),
        (
            tone(channels=3),
            "audio/wav",
            400,
            "the audio has 3 channels of 16000 Hz; send mono or stereo of at most 384000",
        ),
        (silence(0.5, rate=400_000), "audio/wav", 400, "the audio has 1 channels of 400000 Hz; send mono or stereo "),
        (b"{", "application/json", 400, "the body is not JSON: "),
        (b"\xff", "application/json", 400, "the body is not JSON: "),
        (b"[" * 200_000, "application/json", 400, 'the JSON is nested too deeply; it must be {"audio": "<a wav or '),
        (b"[1]", "application/json", 400, 'the JSON must be {"audio": "<a wav or flac file in base64>"}'),
        (b'{"audio": ""}', "application/json", 400, 'the JSON must be {"audio": "<a wav or flac file in base64>"}'),
        (b'{"audio": 1}', "application/json", 400, 'the JSON must be {"audio": "<a wav or flac file in base64>"}'),
        (b'{"audio": "AAA"}', "application/json", 400, "audio is not base64: "),
        ('{"audio": "ä"}'.encode(), "application/json", 400, "audio is not base64: "),
        (b'{"audio": "AAAA"}', "application/json", 400, "the 3 bytes are not audio that can be read: "),
    ],
)
def test_a_body_without_a_usable_recording_is_refused_with_the_reason(
    body: bytes, content_type: str, status: int, reason: str
) -> None:
    with pytest.raises(audio.Refusal) as refusal:
        audio.recording(body, content_type, rate=16_000, max_seconds=2.0)
    assert refusal.value.status == status
    assert str(refusal.value).startswith(reason)


def test_samples_that_are_no_numbers_are_refused() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.full(8000, np.inf), 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(audio.Refusal) as refusal:
        audio.recording(file.getvalue(), "audio/wav", rate=16_000, max_seconds=2.0)
    assert (refusal.value.status, str(refusal.value)) == (400, "the audio has samples that are no numbers")
