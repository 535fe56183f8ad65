"""Speech synthesis by espeak-ng's library, which the Python package espeakng-loader carries."""

from __future__ import annotations

import array
import ctypes
from typing import Any

from modelyard.data.errors import DataError

__all__ = ["SAMPLE_RATE", "Synthesiser"]

SAMPLE_RATE = 22_050

# Of espeak-ng's speak_lib.h (https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h).
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_RATE, _PITCH, _WORD_GAP = 1, 3, 7
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

_WORD_GAP_TENS_OF_MS = 2


class Synthesiser:
    """The library, initialised. It is one for the whole process, and what it says depends on what it said before.

    Args:
        seed: of the library's random numbers, which the time seeds otherwise.

    Raises:
        DataError: the package is not installed, or its library does not start.
    """

    def __init__(self, seed: int) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise DataError(
                "speech is synthesised by the package espeakng-loader, which is not installed; "
                "run: pip install 'modelyard[speech]'"
            ) from None
        try:
            self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise DataError(f"the library of espeakng-loader cannot be loaded: {error}") from error
        data = espeakng_loader.get_data_path().encode()
        rate = self._library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, _DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise DataError(f"espeak-ng did not start with its data in {data.decode()}: sample rate {rate}")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._spoken = bytearray()
        # Kept, since ctypes does not keep it for the library.
        self._callback = _CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: int | None, count: int, events: int | None) -> int:
        if samples:
            self._spoken += ctypes.string_at(samples, 2 * count)
        return 0

    def say(self, text: str, *, voice: str, words_a_minute: int, pitch: int) -> array.array[int]:
        """Samples of SAMPLE_RATE.

        Args:
            text: what to say.
            voice: of espeak-ng's, such as "en-us+m1".
            words_a_minute: 80 to 450.
            pitch: 0 to 99.

        Raises:
            DataError: there is no such voice, or nothing was said.
        """
        self._spoken.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise DataError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, words_a_minute), (_PITCH, pitch), (_WORD_GAP, _WORD_GAP_TENS_OF_MS)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        failed = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        if failed or not self._spoken:
            raise DataError(f"espeak-ng could not say {text!r}: code {failed}")
        return array.array("h", bytes(self._spoken))
