"""The host's own dynamic linker as an oracle: the same files and the same dlopen, dlsym, dlclose, there and here.

A *scenario* is a folder of shared objects and a list of steps; both sides answer each step in the same terms: an
address as "soname+offset", a constructor or destructor as the byte it writes. Only on x86-64 Linux with glibc 2.35 or
later.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from loader import ByteMemory, DirectoryFinder, LinkedObject, LinkMap, LoadError
from loader.memory import read_memory
from loader.profiles import versions
from tests.loader.elfwriter import FREE, TEXT

AVAILABLE = (
    sys.platform == "linux"
    and platform.machine() == "x86_64"
    and platform.libc_ver()[0] == "glibc"
    and tuple(int(part) for part in platform.libc_ver()[1].split(".")[:2]) >= (2, 35)
)

#: the profile of the host's own linker, or the newest one known
PROFILE = f"glibc:{platform.libc_ver()[1]}" if AVAILABLE and platform.libc_ver()[1] in versions("glibc") else "glibc"

Step = list[Any]  # ["open", name, flags] | ["close", step] | ["sym", step, name, version] | ["slot", soname, index]


def announcing(*letters: str) -> tuple[bytes, list[int]]:
    """Machine code of functions that write one letter each to file 9, and their unbiased addresses."""
    code, starts = b"", []
    for letter in letters:
        starts.append(TEXT + len(code))
        # mov eax,1; mov edi,9; push letter; mov rsi,rsp; mov edx,1; syscall; pop rax; ret
        code += bytes.fromhex("b801000000bf090000006a") + letter.encode()
        code += bytes.fromhex("4889e6ba010000000f0558c3")
    return code, starts


_RUNNER = r"""
import ctypes, json, os, sys
folder, steps = sys.argv[1], json.load(open(sys.argv[2]))
libc = ctypes.CDLL(None)
libc.dlopen.restype = libc.dlsym.restype = libc.dlvsym.restype = ctypes.c_void_p
libc.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
libc.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
libc.dlvsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
libc.dlclose.argtypes = [ctypes.c_void_p]
libc.dlerror.restype = ctypes.c_char_p
read, write = os.pipe()
os.dup2(write, 9)
os.set_blocking(read, False)
def said():
    try:
        return os.read(read, 1 << 16).decode()
    except BlockingIOError:
        return ""
def bases():
    found = {}
    for line in open("/proc/self/maps"):
        parts = line.split()
        if len(parts) > 5 and parts[5].startswith(folder):
            start, end = (int(x, 16) for x in parts[0].split("-"))
            name = os.path.basename(parts[5])
            low, high = found.get(name, (start, end))
            found[name] = min(low, start), max(high, end)
    return found
def named(address):
    if not address:
        return "0"
    for name, (low, high) in bases().items():
        if low <= address < high:
            return "%s+%#x" % (name, address - low)
    return "elsewhere"
def error():
    return "error: " + libc.dlerror().decode().replace(folder + "/", "")
handles, answers = {}, []
for number, step in enumerate(steps):
    if step[0] == "open":
        handle = libc.dlopen(os.path.join(folder, step[1]).encode(), step[2])
        handles[number] = handle
        answers.append(said() if handle else error())
    elif step[0] == "close":
        if handles[step[1]]:
            libc.dlclose(handles[step[1]])
        answers.append(said())
    elif step[0] == "sym":
        handle = handles[step[1]]
        if not handle:
            answers.append("not open")
            continue
        if step[3] is None:
            address = libc.dlsym(handle, step[2].encode())
        else:
            address = libc.dlvsym(handle, step[2].encode(), step[3].encode())
        answers.append(named(address) if address else error())
    elif step[0] == "slot":
        if step[1] not in bases():
            answers.append("not loaded")
            continue
        low = bases()[step[1]][0]
        answers.append(named(ctypes.c_uint64.from_address(low + FREE + 8 * step[2]).value))
print(json.dumps(answers))
sys.stdout.flush()
os._exit(0)
"""


def native(folder: Path, steps: list[Step]) -> list[str]:
    """What the host's ld.so answers."""
    script = folder / "steps.json"
    script.write_text(json.dumps(steps))
    runner = _RUNNER.replace("FREE", str(FREE))
    command = [sys.executable, "-S", "-c", runner, str(folder), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"LD_LIBRARY_PATH": str(folder)})
    assert done.returncode == 0, done.stderr
    answers: list[str] = json.loads(done.stdout)
    return answers


def emulated(folder: Path, steps: list[Step]) -> list[str]:
    """What our loader answers; constructors and destructors are read, not run."""
    memory = ByteMemory()
    links = LinkMap(memory, "amd64", PROFILE, finder=DirectoryFinder(), library_path=[str(folder)])
    links.load_startup()
    handles: dict[int, LinkedObject] = {}
    answers: list[str] = []

    def named(address: int) -> str:
        obj = links.object_at(address) if address else None
        if obj is None:
            return "elsewhere" if address else "0"
        return f"{Path(obj.path).name}+{address - obj.start:#x}"

    def letters(rows: list[tuple[int, int, str]]) -> str:
        return "".join(chr(read_memory(memory, address + 11, 1)[0]) for _, address, _ in rows)

    for number, step in enumerate(steps):
        try:
            if step[0] == "open":
                handle, order = links.dlopen(str(folder / step[1]), step[2])
                assert isinstance(handle, LinkedObject)
                handles[number] = handle
                answers.append("".join(letters(links.start_initializers(obj)) for obj in order))
            elif step[0] == "close" and step[1] not in handles:
                answers.append("")
            elif step[0] == "close":
                order = links.dlclose(handles[step[1]])
                answers.append("".join(letters(links.start_finalizers(obj)) for obj in order))
                links.release(order)
            elif step[0] == "sym" and step[1] not in handles:
                answers.append("not open")
            elif step[0] == "sym":
                answers.append(named(links.dlsym(handles[step[1]], step[2], step[3])))
            elif step[0] == "slot":
                obj = next((o for o in links.objects if Path(o.path).name == step[1]), None)
                if obj is None:
                    answers.append("not loaded")
                    continue
                value = read_memory(memory, obj.start + FREE + 8 * step[2], 8)
                answers.append(named(int.from_bytes(value, "little")))
        except LoadError as error:
            answers.append("error: " + links.profile.dlerror(error).replace(f"{folder}/", ""))
    return answers
