"""What is said in an AN4-like corpus: spelled names, digits, codes, dates and commands, as in AN4's census data."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

__all__ = ["held_out_texts", "training_texts"]

DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
MONTHS = (
    *("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE"),
    *("JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"),
)
COMMANDS = ("YES", "NO", "GO", "STOP", "HELP", "ERASE", "RUBOUT", "REPEAT", "START", "ENTER")
NAMES = (
    *("ALICE", "ROBERT", "SUSAN", "MARIA", "PETER", "JAMES", "SMITH", "JONES", "BROWN", "KELLY", "WALKER", "MARTIN"),
    *("PARKER", "OSCAR", "XAVIER", "ZOE", "HUGO", "WENDY", "FELIX", "BRUCE", "VIVIAN", "JACK", "KEITH", "GRAHAM"),
    *("DOUGLAS", "PHILIP", "QUENTIN", "FIONA", "LYNN", "WALTER", "YVES", "MAX", "EDITH", "CLARA", "BARBARA", "HENRY"),
)
HELD_OUT_NAMES = ("KEVIN", "QUINCY", "YOLANDA", "VICTOR", "JOYCE", "BRIAN", "SOPHIE", "FRANK", "WILMA", "GEORGE")


def _draw(rng: random.Random, items: tuple[str, ...] | str, fewest: int, most: int) -> list[str]:
    return [rng.choice(items) for _ in range(rng.randint(fewest, most))]


def _code(rng: random.Random) -> list[str]:
    return [*_draw(rng, string.ascii_uppercase, 1, 4), *_draw(rng, DIGITS, 1, 4)]


_KINDS: dict[Callable[[random.Random, tuple[str, ...]], list[str]], float] = {
    lambda rng, names: list(rng.choice(names)): 0.3,
    lambda rng, names: _draw(rng, DIGITS, 3, 7): 0.22,
    lambda rng, names: _code(rng): 0.22,
    lambda rng, names: [rng.choice(MONTHS), *_draw(rng, DIGITS, 1, 3)]: 0.14,
    lambda rng, names: [rng.choice(COMMANDS), *_draw(rng, (*DIGITS, *string.ascii_uppercase), 1, 3)]: 0.12,
}


def _text(rng: random.Random, names: tuple[str, ...]) -> str:
    (kind,) = rng.choices(list(_KINDS), list(_KINDS.values()))
    return " ".join(kind(rng, names))


def held_out_texts(count: int, seed: int) -> list[str]:
    """`count` texts of words and letters that training knows, in orders that it does not."""
    rng = random.Random(f"held-out {seed}")
    return [_text(rng, HELD_OUT_NAMES) for _ in range(count)]


def training_texts(count: int, seed: int, held_out: list[str]) -> list[str]:
    """`count` texts, none of them in `held_out`."""
    rng = random.Random(f"training {seed}")
    refused = set(held_out)
    texts: list[str] = []
    while len(texts) < count:
        text = _text(rng, NAMES)
        if text not in refused:
            texts.append(text)
    return texts
