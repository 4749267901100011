"""System-call numbers and their names, per architecture.

The tables are the architectures' own (`system_calls.NUMBERS` in their folders): a number in a table is that of the name behind
it; the names after it count up.
"""

from __future__ import annotations

from functools import cache

from emuload.machine.architecture import part


@cache
def names(architecture: str) -> dict[int, str]:
    """Number → name for an architecture. The dictionary is shared: do not change it."""
    table: dict[int, str] = {}
    number = 0
    for word in part(architecture, "system_calls").NUMBERS.split():
        if word.isdigit():
            number = int(word)
        else:
            table[number] = word
            number += 1
    return table
