"""Runs in the environment of the image `asr`: the model without a server, as fast as it goes.

Usage: speech_in_process.py MODEL_FOLDER WAV…. Prints one JSON line with the device, the text and the length of each
recording; then, for each line on standard input, decodes and transcribes all of them in the batches that a server would
make at best, and prints the seconds that this took.
"""

import json
import sys
import time
from pathlib import Path

from audio import recording
from limits import Limits
from recognition import Recogniser


def main(folder: Path, paths: list[Path]) -> None:
    """Answer the lines of standard input."""
    limits = Limits.of(folder)
    recogniser = Recogniser(folder, limits)
    bodies = [path.read_bytes() for path in paths]
    rate = recogniser.sample_rate

    def pass_over() -> tuple[list[str], list[float]]:
        texts: list[str] = []
        lengths: list[float] = []
        for start in range(0, len(bodies), limits.max_batch):
            batch = [
                recording(body, "audio/wav", rate=rate, max_seconds=limits.max_seconds)
                for body in bodies[start : start + limits.max_batch]
            ]
            texts += recogniser.transcribe(batch)
            lengths += [len(samples) / rate for samples in batch]
        return texts, lengths

    texts, lengths = pass_over()
    told = {"device": str(recogniser.device), "texts": texts, "seconds": lengths, "max_seconds": limits.max_seconds}
    print(json.dumps(told), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        pass_over()
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
