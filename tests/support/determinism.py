"""Equal event streams, at length: `python -m tests.support.determinism [--runs N] [--target T]… [--go V]… [--scenario NAME]…`.

Runs each scenario N times, each time in a process of its own with another PYTHONHASHSEED, and once on the oldest and the
newest Python present, and compares the digests of the whole event streams. Exit status 1 if any differ. The test suite
does the same with a smaller run (test_determinism.py).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import emuload
from tests.support.guest_scenarios import command
from tests.support.running import program_process, stream
from tests.support.targets import GNU, MUSL
from tests.support.toolchain import other_pythons, site_packages

ROOT = Path(__file__).parents[2]
GLIBC = GNU


def digest(scenario: str, target: str, go: str) -> str:
    """One run of a scenario, as the digest of its events and of how it ended."""
    made = command(scenario, target, go)
    libraries = [folder / "any" for folder in made.libraries]
    libraries += [Path(word) for word in made.args if word.startswith("/")]
    process = program_process(target, made.program, made.args, libraries, env=made.env, stdin=made.stdin.encode())
    try:
        end = str(process.run_program())
    except emuload.EmuloadError as error:
        end = str(error)
    return hashlib.sha256(f"{stream(process)}\n{end}".encode()).hexdigest()


def elsewhere(python: str, seed: int, case: tuple[str, str, str]) -> str:
    """The same in a process of its own."""
    code = f"from tests.support.determinism import digest; print(digest(*{case!r}))"
    paths = os.pathsep.join([str(ROOT), site_packages()])
    environment = {"PYTHONPATH": paths, "PYTHONHASHSEED": str(seed), "PATH": os.environ.get("PATH", "")}
    if "EMULOAD_CACHE" in os.environ:
        environment["EMULOAD_CACHE"] = os.environ["EMULOAD_CACHE"]
    done = subprocess.run([python, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1:]}"


def main() -> int:
    """Compare, a line a case."""
    options = argparse.ArgumentParser(prog="python -m tests.support.determinism", description=__doc__)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--target", action="append")
    options.add_argument("--go", action="append")
    options.add_argument("--scenario", action="append")
    given = options.parse_args()
    cases = [
        (scenario, target, go)
        for scenario in given.scenario or ["behaviour"]
        for go in given.go or ["1.27", "1.22"]
        for target in given.target or [*GLIBC, *MUSL]
    ]
    cases = [("behaviour linked" if c[0] == "behaviour" and c[1] in MUSL else c[0], *c[1:]) for c in cases]
    different = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for case in cases:
            runs = [(sys.executable, seed) for seed in range(given.runs)] + [(python, 0) for python in other_pythons()]
            found = list(pool.map(lambda run, case=case: elsewhere(*run, case), runs))
            distinct = sorted(set(found))
            different += len(distinct) > 1 or distinct[0].startswith("failed")
            print(f"{' '.join(case):<46} {len(found)} runs, {len(distinct)} stream(s) {distinct[0][:16]}", flush=True)
            if len(distinct) > 1:
                print(*(f"    {name} {seed} {digest_}" for (name, seed), digest_ in zip(runs, found, strict=True)), sep="\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
