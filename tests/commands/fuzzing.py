"""Random call texts, traces, instruction logs and TOML files: each is read, or refused with one line.

No case ends with a traceback or takes long.

    python -m tests.commands.fuzzing --count 20000 [--seed 0] [--only calls|traces|headers|logs|toml] [--number N]

A case is decided by its kind, the seed and its number, so that one that fails can be made again: `--number` makes that one alone.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path
from typing import Any

from emuload import Process, cli, samples
from emuload.calls.convert import prepare
from emuload.calls.text import TYPES, parse_call
from emuload.commands.common.session import Done
from emuload.cost.budget import read_budget
from emuload.cost.meter import Phase
from emuload.errors import EmuloadError
from emuload.ilog import format as ilog
from emuload.order.checking import check
from emuload.order.rules import load_rules
from emuload.scenarios.description import read as read_scenario
from emuload.trace.jsonl import read as read_trace
from loader.errors import LoadError

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds after which a case has taken too long, on a busy machine."""

REFUSALS = (EmuloadError, LoadError)
STATUSES = (0, 1, 2, 3, 4)


class Trouble(AssertionError):
    """A command that ended otherwise than it may."""


# -- random material ---------------------------------------------------------------------------------------------------

ODD_TEXTS = (
    "", "\0", "\n", "\ud800", "\udcff", "\U0010ffff", "\x9b31m", "\u202e", "a b", "/libhello.so", "*", "[", "%s", "x" * 3000,
    "-", "=", "K=V", "../..", "SIGUSR1", "0x1000", "go", "main.init", "true",
)  # fmt: skip
ODD_NUMBERS = (
    0, 1, -1, 7, 127, 1000, 1001, 4096, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64,
    -(2**64), 2**127, 10**400, -(10**4000),
)  # fmt: skip


def odd_value(chance: random.Random, depth: int = 0) -> Any:
    """Something that JSON can hold."""
    made = chance.randrange(12)
    if made < 3:
        return chance.choice(ODD_NUMBERS)
    if made < 6:
        return chance.choice(ODD_TEXTS)
    if made < 8:
        return chance.choice((None, True, False, 1.5, -0.0, 1e308, float("inf"), float("nan")))
    if depth > 3:
        return []
    if made == 8 and not depth:
        return nested(chance.choice((3, 40, 300, 900)), chance.random() < 0.5)
    if made < 11:
        return [odd_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {str(chance.choice(ODD_TEXTS)): odd_value(chance, depth + 1) for _ in range(chance.randrange(4))}


def nested(levels: int, objects: bool) -> Any:
    """Lists, or objects, within each other."""
    made: Any = 1
    for _ in range(levels):
        made = {"a": made} if objects else [made]
    return made


def mutated(chance: random.Random, text: str, pieces: Sequence[str], most: int = 4) -> str:
    """A text with some characters lost, doubled, exchanged, or pieces put in."""
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((1, 1, 2, 5, 30)))
        what = chance.randrange(5)
        if what == 0:
            text = text[:at] + text[end:]
        elif what == 1:
            text = text[:end] + text[at:end] * chance.choice((1, 2, 40)) + text[end:]
        elif what == 2:
            text = text[:at] + chance.choice(pieces) + text[at:]
        elif what == 3:
            text = text[:at] + chance.choice(pieces) + text[end:]
        else:
            text = text[:at] + chr(chance.choice((0, 9, 10, 34, 39, 92, 127, 0x9B, 0xE9, 0xDC80, 0xD800, 0x10FFFF))) + text[end:]
    return text


# -- calls -------------------------------------------------------------------------------------------------------------

CALL_PIECES = (
    "0x_", "0b_", "0_", "_1", "0o8", "09", "9" * 4300, "9" * 4301, "0x" + "f" * 40, "1e999", "-inf", "nan", "1.", ".5", "--1",
    "(" * 990, "[" * 990, "{" * 990, "[" * 30, "]" * 30, "()", "[]", "{}", "{{}}", '"', '""', '"\\', '"\\ud800"', '"\\xff"',
    '"\\U00110000"', '"\\uD8"', '"\\400"', 'go"', 'go"\\0"', "->", "-> void", "-> [", "-> (", "-> ((", "-> str", "-> gostring",
    "-> [[str]]", "-> (f32, (i8, [c128]))", "-> c64", "null", "true", "nil", ",", ",,", "buf(", "buf(0)", "buf(-1)", "buf(1.5)",
    'buf("\\ud800")', "buf(buf(1))", "buf(true)", 'c64("a","b")', "c64(1,2)", "c128(i8(1), 2)", "c64(1e300)", "c128([], {})",
    "c64(null)", "c64(99999999999999999999e300, 1)", "f32(1e300)", "f64(" + "9" * 400 + ")", "i8(300)", "u8(-1)", "bool(2)",
    "bool([])", 'char("ab")', "char(256)", 'char("\\xff")', "ptr(-1)", 'ptr("x")', "ptr([1])", "str(5)", "str([])", "bytes(null)",
    "gostring(5)", 'gostring("x")', "i128(1)", "i128(" + "9" * 50 + ")", "int(int(1))", "int(f32(1))", "size(1.0)",
    "[1, 1.5]", '[1, "a"]', "[[1], [1.5]]", "[null]", "[true, 1]", "{1, [2, {3}]}", "[i8(1), i16(2)]", "[{1}, {1}]", "@", "é",
)  # fmt: skip
CALL_BASES = ("add(1, 2)", 'greet("gopher") -> str', "sum([1, 2, 3])", "divide(7, 2) -> (int, int)", "f(f32(1.5), {1, 2}) -> f64")


def call_text(chance: random.Random) -> str:
    """A text that is nearly a call."""
    if chance.random() < 0.4:
        return mutated(chance, chance.choice(CALL_BASES), CALL_PIECES)
    arguments = ", ".join(_argument(chance, 0) for _ in range(chance.choice((0, 1, 1, 2, 3, 12))))
    returns = chance.choice(("", "", f" -> {chance.choice([*TYPES, 'void'])}", f" -> [{chance.choice([*TYPES])}]", " -> (i8)"))
    text = f"add({arguments}){returns}"
    return text if chance.random() < 0.7 else mutated(chance, text, CALL_PIECES, 2)


def _argument(chance: random.Random, depth: int) -> str:
    made = chance.randrange(8)
    if made < 3 or depth > 4:
        return chance.choice(CALL_PIECES)
    if made == 3:
        return str(chance.choice(ODD_NUMBERS))
    inner = ", ".join(_argument(chance, depth + 1) for _ in range(chance.choice((0, 1, 1, 2, 3))))
    if made == 4:
        return f"[{inner}]"
    if made == 5:
        return f"{{{inner}}}"
    return f"{chance.choice([*TYPES, 'buf'])}({inner})"


@lru_cache(maxsize=4)
def _process(architecture: str) -> Process:
    process = Process(architecture)
    process.start()
    return process


def check_call(chance: random.Random, folder: Path) -> None:
    """A call is read, its arguments put where the callee finds them, and a result read from the registers as they are."""
    call = parse_call(call_text(chance))
    process = _process(chance.choice(("amd64", "armv7", "arm64")))
    task = process.host_calls.any_idle()
    process.scheduler.load(task)
    saved = process.cpu.save()
    try:
        prepared = prepare(process.host_calls, call.arguments, call.returns, None)
        try:
            prepared.place()
            done = Done(call, task.tid, 0, prepared.collect())
        finally:
            prepared.forget()
    finally:
        process.cpu.restore(saved)
    done.text(with_thread=True).encode()
    json.dumps(done.document()).encode()


# -- traces ------------------------------------------------------------------------------------------------------------

TRACES = ("dlopen", "constructor-too-early", "first-call-race", "dlclose", "init-calls-c")
TRACE_PIECES = (
    "null", "{}", "[]", "NaN", "-1", "1e400", '"\\ud800"', "\\u0000", "9" * 30, "9" * 5000, "[" * 500, '{"a":' * 500, "\n", "}",
    '"fields":{},', '"kind":"syscall"', '"kind":"syscall-enter"', '"kind":"syscall-exit"', '{"end":{}}', "\\", ",", ":",
)  # fmt: skip


@lru_cache(maxsize=8)
def _lines(name: str) -> tuple[str, ...]:
    return tuple((ROOT / "traces" / name / "amd64.jsonl").read_text("ascii").splitlines())


def changed_trace(chance: random.Random, name: str) -> str:
    """A stored trace with a few lines edited, mostly so that the file is still a trace."""
    lines = list(_lines(name))
    first = chance.randrange(len(lines))
    lines = [lines[0], *lines[max(1, first - 40) : first + 40]] if chance.random() < 0.7 else lines
    entries = [json.loads(line) for line in lines]
    for _ in range(chance.randint(1, 5)):
        _change_event(chance, entries[chance.randrange(len(entries))], entries)
    time_ = seq = 0
    for entry in entries:
        if "seq" in entry and chance.random() < 0.999:
            entry["seq"], seq = seq, seq + 1
            time_ = max(time_, entry["time"]) if isinstance(entry["time"], int) else time_
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    return mutated(chance, text, TRACE_PIECES, 2) if chance.random() < 0.3 else text


def _change_event(chance: random.Random, entry: dict[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    fields = entry.get("fields") if "seq" in entry else entry.get("end", entry)
    if not isinstance(fields, dict):
        return
    if "seq" in entry and chance.random() < 0.25:
        name = chance.choice(("time", "tid", "pc", "kind"))
        others = [other[name] for other in entries if name in other]
        entry[name] = odd_value(chance) if chance.random() < 0.2 else chance.choice(others)
        return
    name = chance.choice([*fields, "object", "woken"])
    what = chance.randrange(4)
    if what == 0:
        fields.pop(name, None)
    elif what == 1:
        odd = chance.choice(ODD_TEXTS), chance.choice(ODD_NUMBERS)
        fields[name] = chance.choice((*odd, None, True, [], [1, 2**70], ["\ud800"]))
    elif what == 2:
        fields[name] = odd_value(chance)
    else:
        fields.clear()


def check_trace(chance: random.Random, folder: Path) -> None:
    """An edited trace is compared, checked in all forms, and drawn."""
    name = chance.choice(TRACES)
    file, left = folder / "changed.jsonl", ROOT / "traces" / name / "amd64.jsonl"
    file.write_bytes(changed_trace(chance, name).encode("utf-8", "surrogatepass"))
    which = chance.randrange(4)
    if which == 0:
        command("diff", left, file)
    elif which == 1:
        command("diff", *(["--order"] if chance.random() < 0.5 else []), file, left)
    elif which == 2:
        command("check", file, "--junit", folder / "out.xml", "--sarif", folder / "out.sarif")
    else:
        command("check", file, *(["--json"] if chance.random() < 0.5 else []), "-r", "elf", "-r", left.with_name("order.toml"))


def check_header(chance: random.Random, folder: Path) -> None:
    """A trace of a library that is there, with another header: the run is made again, or it is said why not."""
    entries = [json.loads(line) for line in _own_trace(folder)]
    header = entries[0]
    for _ in range(chance.randint(1, 2)):
        table = chance.choice((header, header["options"], header["limits"], header["environment"], header["schedule"]))
        if not isinstance(table, dict) or not table:
            continue
        name = chance.choice([*table, "more"] if table is not header else [*table])
        if name in ("options", "limits", "environment", "schedule", "format", "schema") and chance.random() < 0.8:
            continue
        if chance.random() < 0.2:
            table.pop(name, None)
        elif name == "calls":
            table[name] = [call_text(chance)]
        else:
            value = odd_value(chance)
            table[name] = [value] if isinstance(table.get(name), list) and chance.random() < 0.7 else value
            if name in ("virtual_seconds", "code_bytes", "memory", "threads", "cpus") and isinstance(table[name], int):
                table[name] %= 1 << 20
        header.setdefault("options", {}), header.setdefault("limits", {})
        header.setdefault("environment", {}), header.setdefault("schedule", {})
    file = folder / "header.jsonl"
    file.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    command("check", file, "-r", folder / "never.toml", "--sarif", folder / "out.sarif")


@lru_cache(maxsize=1)
def _own_trace(folder: Path) -> tuple[str, ...]:
    """The trace of a sample, and beside it a rule that it breaks."""
    library = samples.path("amd64", folder)
    (folder / "never.toml").write_text('[[rule]]\nname = "n"\nrelation = "never"\nthen = "constructor-enter"\n')
    command("trace", library, "--call", "add(1, 2)", "-o", folder / "own.jsonl")
    return tuple((folder / "own.jsonl").read_text().splitlines())


# -- instruction logs --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _own_log(folder: Path) -> tuple[tuple[bytes, bytes], ...]:
    """The records of a log of a sample: kind and payload."""
    library = samples.path("amd64", folder)
    words = ("--instructions", "main.*", "--register-writes", "--memory-writes", "-o", folder / "own.ilog")
    command("trace", library, "--call", "add(1, 2)", *words)
    data, at, found = (folder / "own.ilog").read_bytes(), len(ilog.MAGIC), []
    while at < len(data):
        kind, size, _ = ilog.RECORD.unpack_from(data, at)
        at += ilog.RECORD.size
        found.append((kind, data[at : at + size]))
        at += size
    return tuple(found)


def check_log(chance: random.Random, folder: Path) -> None:
    """A log with a few records changed, lost or doubled is shown in one of the formats."""
    records = list(_own_log(folder))
    for _ in range(chance.randint(1, 4)):
        number = chance.randrange(len(records))
        kind, payload = records[number]
        what = chance.randrange(6)
        if what == 0:
            del records[number]
        elif what == 1:
            records.insert(chance.randrange(len(records)), records[number])
        elif kind in (ilog.HEADER, ilog.OBJECT, ilog.UNMAPPED, ilog.CODE, ilog.END):
            content = json.loads(payload)
            name = chance.choice([*content, "pc", "registers"])
            content[name] = odd_value(chance)
            if what == 2:
                content.pop(name)
            records[number] = kind, json.dumps(content).encode()
        else:
            head = ilog.BLOCKS_HEAD.size if kind == ilog.BLOCKS else ilog.FIRST.size
            start, packed = bytearray(payload[:head]), bytearray(zlib.decompress(payload[head:]))
            part = start if chance.random() < 0.3 or not packed else packed
            for _ in range(chance.choice((1, 1, 3, 20))):
                part[chance.randrange(len(part))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            records[number] = kind, bytes(start) + zlib.compress(bytes(packed), 1)
        if not records:
            break
    data = ilog.MAGIC + b"".join(ilog.RECORD.pack(k, len(p), zlib.crc32(p)) + p for k, p in records)
    if chance.random() < 0.1:
        data = data[: chance.randrange(len(data))]
    file = folder / "changed.ilog"
    file.write_bytes(data)
    more = chance.choice(((), ("--thread", "1001"), ("--from", "10"), ("--to", "0.3ms"), ("--touched", "0x1000-0x7fffffffffff")))
    command("show", file, "--format", chance.choice(("text", "text", "tenet", "execlog")), *more)


# -- TOML --------------------------------------------------------------------------------------------------------------

TOML_PIECES = (
    "[" * 990, "{" * 300, "{a=" * 990, "[[rule]]\n", "[rule]\n", "[phases]\n", "[[file]]\n", "total = 1\n", "total = -1\n",
    "total = 1e9\n", '"\\ud800" = 1\n', '"\\U0010ffff" = 1\n', "0x_", "9" * 5000, "1979-05-27T07:32:00Z", "07:32:00", "inf",
    "nan", '"""', "'''", "a.b.c = 1\n", "= ", "\n", "#", "''", '""', "{}", "[]", "true", '{ kind = "*", tid = { above = 1 } }',
    '{ kind = ["a", 1] }', "where = ['first.object = then.object']\n", "each = 'pair'\n", "per = ['tid']\n",
    "most = 99999999999999999999\n", "optional = 1\n", "then = {}\n", "first = 'mutex-*'\n", "relation = 'happens-before'\n",
    "during = { from = 'a', to = 'b', same = [] }\n", "name = 'x'\n", "first-per = []\n", "\r", "\x7f",
    "a = " + "[" * 900 + "]" * 900,
    "total = " + "[" * 400 + "]" * 400, "total = " + "9" * 4400,
)  # fmt: skip


@lru_cache(maxsize=64)
def _toml_texts() -> tuple[str, ...]:
    budgets = (
        'total = 700000\n\n[phases]\n"runtime init" = 250000\n"call add(1, 2)" = 60000\n',
        "total = 5\n",
        "[phases]\na = 1\n",
    )
    return (*budgets, *(path.read_text("utf-8") for path in sorted((ROOT / "traces").glob("*/*.toml"))))


def check_toml(chance: random.Random, folder: Path) -> None:
    """A text that is nearly TOML, as rules, as a budget and as a scenario."""
    text = chance.choice(_toml_texts())
    if chance.random() < 0.3:
        text += "\n" + "".join(chance.choice(TOML_PIECES) for _ in range(chance.randint(1, 6)))
    text = mutated(chance, text, TOML_PIECES, 3)
    for read in (_rules_of, _budget_of, _scenario_of):
        try:
            read(text, folder)
        except REFUSALS as error:
            _one_line(str(error))


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    return file


def _rules_of(text: str, folder: Path) -> None:
    rules = load_rules([str(_write(folder / "own.toml", text))])
    check(_trace_to_check(), rules)


@lru_cache(maxsize=1)
def _trace_to_check() -> Any:
    return read_trace(str(ROOT / "traces" / "dlclose" / "amd64.jsonl"))


def _budget_of(text: str, folder: Path) -> None:
    read_budget(str(_write(folder / "own.toml", text))).exceeded([Phase("runtime init", 5), Phase("call add(1, 2)", 7)])


def _scenario_of(text: str, folder: Path) -> None:
    place = folder / "scenario"
    _write(place / "scenario.toml", text)
    for name in ("host.py", "hello.go", "order.toml"):
        _write(place / name, "")
    read_scenario(place)


# -- running -----------------------------------------------------------------------------------------------------------


def _one_line(text: str) -> None:
    """The message as the command line prints it."""
    " ".join(text.split()).encode("utf-8", "backslashreplace")


def command(*arguments: str | Path) -> int:
    """Run a command in this process as on a terminal in UTF-8. Raises Trouble for a status that is none of emuload's."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "strict") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        status = cli.command([str(argument) for argument in arguments])
        out.flush()
        err.flush()
    said = err.buffer.getvalue()  # type: ignore[attr-defined]
    if status not in STATUSES:
        raise Trouble(f"status {status}: {said!r}")
    if status == 2 and said.count(b"\n") != 1:
        raise Trouble(f"not one line: {said!r}")
    return status


KINDS: dict[str, Callable[[random.Random, Path], None]] = {
    "calls": check_call,
    "traces": check_trace,
    "headers": check_header,
    "logs": check_log,
    "toml": check_toml,
}
SHARES = {"calls": 8, "traces": 3, "headers": 1, "logs": 1, "toml": 7}
"""Cases of each kind in twenty."""


def failure(kind: str, seed: int, number: int, folder: Path) -> str:
    """Make one case: "" if it ended as it should, else what went wrong."""
    began = time.monotonic()
    try:
        KINDS[kind](random.Random(f"{kind} {seed} {number}"), folder)
    except REFUSALS as error:
        _one_line(str(error))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "".join(traceback.format_exception(error, limit=-6))
    took = time.monotonic() - began
    return f"it took {took:.1f} s" if took > PATIENCE else ""


def chosen(count: int, only: str | None) -> Iterator[tuple[str, int]]:
    """The cases of a run: kind and number."""
    kinds = [only] if only else [kind for kind, share in SHARES.items() for _ in range(share)]
    for number in range(count):
        yield kinds[number % len(kinds)], number


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*KINDS])
    parser.add_argument("--number", type=int, help="make this case alone")
    options = parser.parse_args()
    failed: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, number in chosen(options.count, options.only):
            if number < options.first or options.number not in (None, number):
                continue
            words = failure(kind, options.seed, number, Path(folder))
            if words:
                failed.setdefault(words, []).append(f"{kind} {number}")
                if len(failed[words]) == 1:
                    print(f"-- {kind} {number}\n{words}", flush=True)
    cases = sum(map(len, failed.values()))
    print(f"{options.count} cases of seed {options.seed}: {cases} failed, in {len(failed)} ways")
    for words, which in failed.items():
        print(f"  {len(which)}: {', '.join(which[:5])}: {words.strip().splitlines()[-1]}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
