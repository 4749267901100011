"""Runs every behaviour natively and under qemu-user, and writes what each printed to expected.json:
`python -m tests.loader.behaviours.record [NAME …]`.

With names, only those are recorded anew. Needs Debian's qemu-user, its cross C libraries and compilers
(tests/support/targets.py names them).
"""

from __future__ import annotations

import json
import platform
import sys
from concurrent.futures import ThreadPoolExecutor

from emuload.samples.toolchain import BuildError
from tests.loader import behaviours
from tests.loader.behaviours import EXPECTED, native, read


def recorded(name: str) -> dict[str, dict[str, dict[str, object]]]:
    """The answers of one behaviour: run → "*", the first target's, and what others answer differently."""
    behaviour = read(name)
    answers: dict[str, dict[str, dict[str, object]]] = {}
    for run in behaviour.runs:
        found = {target: vars(native(name, target, run)) for target in behaviour.targets}
        common = found[behaviour.targets[0]]
        answers[run.name] = {"*": common}
        for target, answer in found.items():
            other = {key: value for key, value in answer.items() if value != common[key]}
            if other:
                answers[run.name][target] = other
    return answers


def main(names: list[str]) -> int:
    """Records; the exit status is 1 when a behaviour cannot be built."""
    stored = json.loads(EXPECTED.read_text())["answers"] if EXPECTED.exists() else {}
    everything = behaviours.names()
    asked = names or everything
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(recorded, name) for name in asked}
    for name, job in jobs.items():
        try:
            answer = job.result()
        except BuildError as error:
            failed = 1
            print(f"{name}: {error}")
            continue
        if answer != stored.get(name):
            print(f"{name}: {json.dumps(answer, indent=1, ensure_ascii=False)}")
        stored[name] = answer
    document = {
        "command": "python -m tests.loader.behaviours.record",
        "glibc": platform.libc_ver()[1],
        "answers": {name: stored[name] for name in everything if name in stored},
    }
    EXPECTED.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
