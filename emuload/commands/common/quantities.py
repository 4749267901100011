"""Sizes and times of the command line as a person writes them: 512M, 1e9, 5s, 250ms."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from emuload.process.options import HIGHEST_BOUND

_NUMBER = re.compile(r"(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>[A-Za-zµ]*)")
SIZES = {"": 1, "b": 1} | {
    letter + more: 1024**power for power, letter in enumerate("kmgt", 1) for more in ("", "b", "i", "ib")
}
"""Bytes in a unit; K, M, G and T are powers of 1024, in either case, as in ulimit and docker."""
TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
"""Seconds in a unit."""


class Quantity(click.ParamType[Any]):
    """A number with a unit: a whole number of bytes, or seconds if `units` are those of time."""

    def __init__(self, units: dict[str, Any], example: str) -> None:
        self.name = "size" if units is SIZES else "time"
        self._units = units
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number in bytes or seconds; fails for what is none, or not above 0."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("-") or value.strip().lower() in ("nan", "inf"):
            self.fail(f"a bound must be above 0 and at most {HIGHEST_BOUND}, not {value}", param, ctx)
        found = _NUMBER.fullmatch(value.strip())
        factor = self._units.get(found["unit"].lower()) if found is not None else None
        if found is None or factor is None:
            self.fail(f"{value!r} is no {self.name}: write e.g. {self._example}", param, ctx)
        digits = found["number"].replace("_", "")
        number = int(digits) * factor if digits.isdecimal() and len(digits) < 40 else float(digits) * factor
        if not 0 < number < math.inf:
            self.fail(f"a bound must be above 0 and at most {HIGHEST_BOUND}, not {value}", param, ctx)
        return round(number) if self._units is SIZES else float(number)


SIZE = Quantity(SIZES, "4G, 512M or 1e9")
TIME = Quantity(TIMES, "5s, 250ms or 2m")


def size_text(number: int) -> str:
    """`4G` for a round number of bytes, `20e9` for a round decimal one."""
    if number % 10**9 == 0:
        return f"{number // 10**9}e9"
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if number % 1024**power == 0:
            return f"{number // 1024**power}{letter}"
    return str(number)
