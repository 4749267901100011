"""Runs every scenario and each of Go's own tests natively and under qemu-user: `python -m tests.support.record_guests`.

Writes guests/expected.json and guests/behaviour_host/expected.txt, the output of the longest. Says where the targets
differ, and which answers differ from those stored. With --check
nothing is written. Needs Debian's qemu-user and cross C libraries (tests/support/targets.py names them).
"""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support.gotests import go_tests
from tests.support.guest_scenarios import EXPECTED, SCENARIOS, TARGETS, command, go_test_command
from tests.support.oracle import Result, run_oracle


def answer(name: str, target: str) -> dict[str, object]:
    """One run, with what differs from run to run or from folder to folder taken out."""
    made = command(name, target)
    limit = SCENARIOS[name].limit
    result = run_oracle(
        target,
        made.program,
        made.args,
        libraries=made.libraries,
        env=made.env,
        stdin=made.stdin,
        timeout=limit,
    )
    return {"status": result.status, "stdout": result.stdout, "stderr": first_line(result.stderr)}


def first_line(text: str) -> str:
    """What is kept of a guest's stderr: its first line, without the folder of a path it begins with."""
    return re.sub(r"^/\S*/", "", text.partition("\n")[0])


def main() -> int:
    """Records everything; answers the number of Go's tests that failed."""
    jobs = [(name, target) for name in SCENARIOS for target in TARGETS]
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(jobs, pool.map(lambda job: answer(*job), jobs), strict=True))
    recorded: dict[str, dict[str, dict[str, object]]] = {}
    for name, target in jobs:
        common = recorded.setdefault(name, {"*": answers[name, target]})["*"]
        other = {key: value for key, value in answers[name, target].items() if value != common[key]}
        if other:
            recorded[name][target] = other
            print(f"{target}: {name}: {other}")
    text = json.dumps(recorded, indent=1, ensure_ascii=False) + "\n"
    stored = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    changed = [name for name in recorded if stored.get(name) != recorded[name]]
    print("changed:", ", ".join(changed) or "nothing")
    if "--check" not in sys.argv:
        EXPECTED.write_text(text)
        plain = EXPECTED.parent / "behaviour_host" / "expected.txt"
        plain.write_text(str(answers["behaviour", "amd64-gnu"]["stdout"]))
    failed = 0
    for target in TARGETS:
        for test in go_tests(target):
            made = go_test_command(test.name, target)
            result = run_oracle(target, made.program, made.args, libraries=made.libraries, folder=made.folder)
            if (result.status, result.stdout) != (0, test.expected):
                failed += 1
                print(f"{target}: Go's own {test.name}: {Result(*vars(result).values())}")
    print(f"Go's own tests that failed: {failed}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
