"""A corpus in the layout of CMU's AN4, spoken by espeak-ng.

The voices and the texts of the test are not in the training part. A seed gives the same files, byte for byte, with
the same version of espeakng-loader.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tempfile
import wave
from array import array
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from modelyard.data.errors import DataError
from modelyard.data.espeak import SAMPLE_RATE, Synthesiser
from modelyard.data.texts import held_out_texts, training_texts

__all__ = ["FEWEST", "Corpus", "make_an4_like"]

FEWEST = 16
ONE_IN = 8
# Speaker, as the identifiers of utterances name it: the voice of espeak-ng.
VOICES = {
    "usma": "en-us+m1",
    "usmc": "en-us+m3",
    "usmg": "en-us+m7",
    "usfa": "en-us+f1",
    "usfc": "en-us+f3",
    "gbmb": "en-gb-x-rp+m2",
    "gbfb": "en-gb-x-rp+f2",
    "scmd": "en-gb-scotland+m4",
    "andy": "en-us+Andy",
    "anni": "en-us+Annie",
    "leee": "en-us+Lee",
    "gene": "en-us+Gene",
}
HELD_OUT_VOICES = {"usme": "en-us+m5", "usfd": "en-us+f4", "gbmf": "en-gb-x-rp+m6", "alex": "en-us+Alex"}
FOLDERS = {"train": "an4_clstk", "test": "an4test_clstk"}
# Synthesised side by side, each in a process of its own: what espeak-ng says depends on what that process said before,
# so their number is part of what a seed gives.
SHARES = 2


@dataclass(frozen=True)
class Corpus:
    """What was written: utterances of each part, and how long they are together."""

    folder: Path
    train: int
    test: int
    seconds: float


@dataclass(frozen=True)
class _Utterance:
    part: str
    number: int
    speaker: str
    voice: str
    text: str
    words_a_minute: int
    pitch: int
    seed: int

    @property
    def identifier(self) -> str:
        return f"an{self.number:04d}-{self.speaker}-b"

    @property
    def file_id(self) -> str:
        return f"{FOLDERS[self.part]}/{self.speaker}/{self.identifier}"


def make_an4_like(destination: Path, *, utterances: int = 1000, seed: int = 7) -> Corpus:
    """Write the corpus: `wav/<part>/<speaker>/<utterance>.wav` (22,050 Hz, mono, 16 bits) and AN4's lists in `etc/`.

    Args:
        destination: a folder that does not exist yet, or an empty one; whole afterwards, or as it was.
        utterances: 16 or more; one in eight is for the test.
        seed: of the texts, their voices, speeds, pitches, loudness, pauses and noise.

    Raises:
        DataError: `destination` holds something, there are too few utterances, or espeakng-loader is not installed.
    """
    if utterances < FEWEST:
        raise DataError(f"{utterances} utterances are too few; ask for at least {FEWEST}")
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise DataError(f"{destination} exists and is not an empty folder; name a new one")
    plan = _plan(utterances, seed)
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f".{destination.name}-"))
    try:
        aside.chmod(0o755)
        seconds = _synthesise(plan, aside, seed)
        _write_lists(plan, aside / "etc")
        aside.replace(destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    test = sum(utterance.part == "test" for utterance in plan)
    return Corpus(destination, len(plan) - test, test, seconds)


def _plan(utterances: int, seed: int) -> list[_Utterance]:
    test = utterances // ONE_IN
    held_out = held_out_texts(test, seed)
    spoken = [("train", text) for text in training_texts(utterances - test, seed, held_out)]
    spoken += [("test", text) for text in held_out]
    rng = random.Random(f"voices {seed}")
    plan = []
    for number, (part, text) in enumerate(spoken, start=1):
        speaker, voice = rng.choice(list((VOICES if part == "train" else HELD_OUT_VOICES).items()))
        speed, pitch = rng.randint(120, 185), rng.randint(25, 75)
        plan.append(_Utterance(part, number, speaker, voice, text, speed, pitch, rng.getrandbits(32)))
    return plan


def _synthesise(plan: list[_Utterance], folder: Path, seed: int) -> float:
    for utterance in plan:
        (folder / "wav" / utterance.file_id).parent.mkdir(parents=True, exist_ok=True)
    shares = [plan[share::SHARES] for share in range(SHARES)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(SHARES, mp_context=context, max_tasks_per_child=1) as pool:
        return sum(pool.map(_synthesise_share, shares, [folder] * SHARES, [seed] * SHARES))


def _synthesise_share(share: list[_Utterance], folder: Path, seed: int) -> float:
    synthesiser = Synthesiser(seed)
    count = 0
    for utterance in share:
        words = [f"{word}." if len(word) == 1 else word.lower() for word in utterance.text.split()]
        speech = synthesiser.say(
            " ".join(words), voice=utterance.voice, words_a_minute=utterance.words_a_minute, pitch=utterance.pitch
        )
        samples = _recorded(speech, random.Random(utterance.seed))
        with wave.open(str(folder / "wav" / f"{utterance.file_id}.wav"), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        count += len(samples)
    return count / SAMPLE_RATE


def _recorded(speech: array[int], rng: random.Random) -> array[int]:
    """`speech` as if recorded: at some loudness (a peak of -14 to -2 dB), with pauses around it, and a little noise."""
    peak = max(max(speech), -min(speech), 1)
    gain = 32_767 * 10 ** (rng.uniform(-14, -2) / 20) / peak
    before, after = (array("h", bytes(2 * int(SAMPLE_RATE * rng.uniform(0.1, 0.4)))) for _ in range(2))
    quiet = before + speech + after
    loudest_noise = rng.randint(3, 40)
    table = bytes((value - 128) * loudest_noise // 128 & 0xFF for value in range(256))
    noise = array("b", rng.randbytes(len(quiet)).translate(table))
    return array("h", [int(sample * gain) + error for sample, error in zip(quiet, noise, strict=True)])


def _write_lists(plan: list[_Utterance], folder: Path) -> None:
    folder.mkdir()
    for part in FOLDERS:
        utterances = [utterance for utterance in plan if utterance.part == part]
        # AN4 marks the ends of a sentence in its training part alone.
        form = "<s> {0.text} </s> ({0.identifier})\n" if part == "train" else "{0.text} ({0.identifier})\n"
        (folder / f"an4_{part}.transcription").write_text("".join(map(form.format, utterances)))
        (folder / f"an4_{part}.fileids").write_text("".join(f"{utterance.file_id}\n" for utterance in utterances))
