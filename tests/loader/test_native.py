"""Random libraries, loaded by the host's ld.so and by the loader: constructor and destructor order, what symbols bind
to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loader import RTLD_DEEPBIND, RTLD_GLOBAL, RTLD_NODELETE, RTLD_NOW
from loader import gabi as e
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.loader.native import AVAILABLE, Step, announcing, emulated, native

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs x86-64 Linux with glibc 2.35 or later")
NAMES = "abcdefgh"


def graph(rng: random.Random, folder: Path, number: int) -> list[Step]:
    """One random dependency graph, cycles included, opened and closed in pieces."""
    names = NAMES[: rng.randint(2, 8)]
    files = {name: f"g{number}{name}.so" for name in names}
    for i, name in enumerate(names):
        others = [n for n in names if n != name]
        later = list(names[i + 1 :])
        pool = others if rng.random() < 0.3 else later
        needed = rng.sample(pool, min(len(pool), rng.randint(0, 3)))
        writer = ElfWriter(soname=files[name], needed=tuple(files[n] for n in needed))
        writer.text, (first, last) = announcing(name, name.upper())
        writer.constructors(first)
        writer.destructors(last)
        (folder / files[name]).write_bytes(writer.build())
    steps: list[Step] = []
    opened: list[int] = []
    for _ in range(rng.randint(1, 5)):
        if opened and rng.random() < 0.4:
            steps.append(["close", opened.pop(rng.randrange(len(opened)))])
        else:
            flags = RTLD_NOW | rng.choice([0, 0, RTLD_GLOBAL])
            opened.append(len(steps))
            steps.append(["open", files[rng.choice(names)], flags])
    rng.shuffle(opened)
    return steps + [["close", i] for i in opened]


def concatenated(parts: list[list[Step]]) -> list[Step]:
    """Several scenarios as one, so that a single native process answers all of them."""
    steps: list[Step] = []
    for part in parts:
        shift = len(steps)
        for step in part:
            moved = [step[0], step[1] + shift, *step[2:]] if step[0] in ("close", "sym") else step
            steps.append(moved)
    return steps


@pytest.mark.parametrize("seed", range(4))
def test_constructor_and_destructor_order_of_random_graphs(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    steps = concatenated([graph(rng, tmp_path, number) for number in range(50)])
    assert emulated(tmp_path, steps) == native(tmp_path, steps)


def bindings(rng: random.Random, folder: Path, number: int) -> list[Step]:
    """Libraries that define and refer to the same few names in every way; slots are read back after each dlopen."""
    names = NAMES[: rng.randint(2, 5)]
    files = {name: f"s{number}{name}.so" for name in names}
    symbols = [f"s{number}_{i}" for i in range(4)]
    slots: list[tuple[str, int]] = []
    for i, name in enumerate(names):
        needed = rng.sample(names[i + 1 :], min(len(names) - i - 1, rng.randint(0, 2)))
        writer = ElfWriter(
            soname=files[name],
            needed=tuple(files[n] for n in needed),
            hash=rng.choice(["gnu", "sysv", "both"]),
            flags=rng.choice([0, 0, e.DF_SYMBOLIC]),
        )
        for j, symbol in enumerate(symbols):
            kind = rng.choice(["defined", "defined", "undefined", "undefined", "none"])
            version = f"V{rng.randint(1, 2)}" if kind == "defined" and rng.random() < 0.3 else None
            if kind == "defined":
                writer.define(
                    symbol,
                    TEXT + 16 * j + 4,
                    bind=rng.choice([e.STB_GLOBAL, e.STB_GLOBAL, e.STB_WEAK]),
                    visibility=rng.choice([e.STV_DEFAULT] * 4 + [e.STV_PROTECTED, e.STV_HIDDEN]),
                    version=version,
                    hidden=version is not None and rng.random() < 0.3,
                )
            elif kind == "undefined":
                writer.undefined(symbol, bind=rng.choice([e.STB_WEAK, e.STB_WEAK, e.STB_WEAK, e.STB_GLOBAL]))
            if kind != "none":
                writer.refer(symbol, rng.choice([1, 6, 7]))
                slots.append((files[name], len(writer.content) // 8 - 1))
        (folder / files[name]).write_bytes(writer.build())
    steps: list[Step] = []
    for name in rng.sample(names, rng.randint(1, len(names))):
        mode = rng.choice([0, 0, RTLD_GLOBAL, RTLD_DEEPBIND, RTLD_GLOBAL | RTLD_DEEPBIND])
        opened = len(steps)
        steps.append(["open", files[name], RTLD_NOW | mode | RTLD_NODELETE])
        steps += [["sym", opened, symbol, None] for symbol in symbols]
        steps += [["sym", opened, symbol, version] for symbol in symbols[:2] for version in ("V1", "V2")]
    return steps + [["slot", file, index] for file, index in slots]


@pytest.mark.parametrize("seed", range(60))
def test_symbols_bind_as_in_the_hosts_linker(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    steps = bindings(rng, tmp_path, 0)
    assert emulated(tmp_path, steps) == native(tmp_path, steps)
