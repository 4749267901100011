"""The instruction log against another emulator: the program counters of loading a Go library, one by one.

qemu-user runs the same library under Debian's C library, so only addresses inside the Go library can be compared: on the loading
thread, from the library's first instruction to the entry of its first export. The constructor lies in between.

    qemu-arm -L /usr/arm-linux-gnueabihf -singlestep -d in_asm,exec,nochain -D LOG blocked_host libbehaviour.so
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import emuload
from emuload.ilog.reader import IlogFile
from emuload.report.show import Wanted, execlog
from emuload.unwind.symbols import SymbolTable
from loader.elf import ElfFile
from loader.image import Image
from tests.support import oracle
from tests.support.targets import arch_of
from tests.support.toolchain import c_program, go_library

CONSTRUCTOR = {
    "armv7-gnueabihf": "_rt0_arm_linux_lib",
    "armv5-gnueabi": "_rt0_arm_linux_lib",
    "arm64-gnu": "_rt0_arm64_linux_lib",
}
# accel/tcg/cpu-exec.c, log_cpu_exec: Trace <cpu>: <host> [<cs_base>/<pc>/<flags>/<cflags>]; each guest thread is a cpu
_TRACE = re.compile(rb"Trace 0: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
_NOT_RUN = b"Stopped execution of TB chain"
# disas.c, target_disas: address, the instruction's words or halfwords, its text
_CODE = re.compile(rb"0x([0-9a-f]+): +([0-9a-f]{8}|[0-9a-f]{4}(?: [0-9a-f]{4})?) ")
# contrib/plugins/execlog.c, vcpu_tb_trans
_EXECLOG = re.compile(r'0, 0x([0-9a-f]+), 0x([0-9a-f]+), "[^"]+"')

Executed = tuple[int, int]
"""Address and opcode."""


def addresses(library: Path, *names: str) -> list[int]:
    """Where functions of a file begin, without the load bias."""
    elf = ElfFile(library.read_bytes(), str(library))
    table = SymbolTable(Image(elf), -1)
    found = {table.names(start): start for start in table._starts}
    return [found[name] for name in names]


def span(library: Path) -> int:
    """Bytes of address space a file takes."""
    elf = ElfFile(library.read_bytes(), str(library))
    return max(segment.vaddr + segment.memsz for segment in elf.loads)


def in_emuload(target: str, library: Path, log: Path) -> Iterator[Executed]:
    """The instructions of the loading thread inside the library, without the bias, from the log in execlog's form."""
    process = emuload.Process(arch_of(target), instruction_log=str(log))
    assert process.dlopen(str(library)).call("add", 1, 2) == 3
    process.exit()
    file = IlogFile(str(log))
    (mapped,) = [known for known in file.objects if known.path == str(library)]
    inside = Wanted(thread=process.main.tid, addresses=range(mapped.start, mapped.end), last=file.block_count)
    for line in execlog(file, inside):
        found = _EXECLOG.fullmatch(line)
        assert found is not None, line
        yield int(found[1], 16) - mapped.bias, int(found[2], 16)


def in_qemu(target: str, library: Path, log: Path) -> list[Executed]:
    """All instructions of the first thread."""
    command = [*oracle.qemu(target), "-singlestep", "-d", "in_asm,exec,nochain", "-D", str(log)]
    host = c_program("blocked_host", target)
    done = subprocess.run([*command, str(host), str(library)], capture_output=True, timeout=120, check=False)
    if b"singlestep" in done.stderr:
        pytest.skip("this qemu-user has no -singlestep")
    assert done.stdout == b"open\nadd: 3\n", done.stderr
    seen: list[Executed] = []
    code: dict[int, int] = {}
    with log.open("rb") as lines:
        for line in lines:
            if (found := _TRACE.match(line)) is not None:
                address = int(found.group(1), 16)
                seen.append((address, code[address]))
            elif (found := _CODE.match(line)) is not None:
                code[int(found.group(1), 16)] = int(found.group(2).replace(b" ", b""), 16)
            elif line.startswith(_NOT_RUN) and seen:
                seen.pop()
    return seen


def until(values: Iterator[Executed], last: int) -> list[Executed]:
    """The instructions before the address `last`."""
    kept: list[Executed] = []
    for address, opcode in values:
        if address == last:
            return kept
        kept.append((address, opcode))
    raise AssertionError(f"{last:#x} never came")


@pytest.mark.qemu
@pytest.mark.parametrize("target", sorted(CONSTRUCTOR))
def test_loading_executes_the_instructions_that_qemu_executes(target: str, tmp_path: Path) -> None:
    library = go_library("behaviour", target)
    start, export = addresses(library, CONSTRUCTOR[target], "add")
    theirs = in_qemu(target, library, tmp_path / "qemu.log")
    ours = until(in_emuload(target, library, tmp_path / "a.ilog"), export)
    first = [address for address, _ in ours].index(start)
    head = [address - start for address, _ in ours[first : first + 8]]
    biases = {
        pc - start
        for at, (pc, _) in enumerate(theirs)
        if (pc - start) & 0xFFF == 0 and [other - pc for other, _ in theirs[at : at + 8]] == head
    }
    assert len(biases) == 1, "the constructor's beginning was not found, or more than once"
    (bias,) = biases
    end = bias + span(library)
    assert ours == until(((pc - bias, opcode) for pc, opcode in theirs if bias <= pc < end), export)
    assert len(ours) - first > 100
