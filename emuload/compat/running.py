"""Loads and runs the library under a profile's rules, and reports how that ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emuload.compat.model import HAZARD, LINKED, REFUSAL, REMARK, Reason
from emuload.compat.subject import Subject
from emuload.errors import BoundReached, Deadlock, Frame, GuestFailed, Report, ReportedError
from emuload.process.options import Limits
from emuload.process.process import Process
from loader.errors import LoadError
from loader.profiles import Profile

LIMITS = Limits(code_bytes=1_000_000_000, virtual_seconds=60.0, memory=2 << 30)
PATIENCE = 1_000_000_000
"""Virtual nanoseconds that a Go library gets to initialise its packages after the constructor has returned."""
_FRAMES = 4


def run(subject: Subject, profile: Profile, loading: str) -> list[Reason]:
    """Load it, let Go initialise, end the process: nothing when all went well."""
    linked = [subject.path] if loading == LINKED else []
    process = Process(subject.arch, profile=profile.name, needed=linked, library_path=subject.library_path, limits=LIMITS)
    try:
        process.dlopen(subject.path)
        if subject.is_go:
            until = process.clock.now() + PATIENCE
            process.kernel.alarm_host(until)
            libraries = process.watches.trackers
            process.run_until(lambda: any(each.initialised for each in libraries) or process.clock.now() >= until)
        process.exit()
    except LoadError as error:
        return [Reason(REFUSAL, error.code, str(LoadError(error.path, "", error.message)), error.where, seen="run")]
    except ReportedError as error:
        return [_ended(error, subject, profile, loading)]
    finally:
        process.discard()
    return []


def _ended(error: ReportedError, subject: Subject, profile: Profile, loading: str) -> Reason:
    report = error.report
    if report.reason == "missing-function":
        return Reason(REMARK, "not-emulated", f"not run to its end: {report.headline}", seen="run")
    code = {Deadlock: "deadlock", BoundReached: "bound", GuestFailed: "failed"}.get(type(error), "failed")
    fix = ""
    if subject.is_go and not profile.constructor_arguments:
        fix = "none by building otherwise (golang/go#13492): run the Go part as a process of its own, or where glibc is"
    elif isinstance(error, Deadlock):
        fix = f"see `emuload run {subject.path}{' --linked' if loading == LINKED else ''} --profile {profile.name}`"
    frames = _frames(report)
    words = report.headline
    killed = re.match(r"thread \d+ was killed by (\w+)", words)
    if killed and frames:  # what it was doing, not the handler that raised the signal again
        words = f"{killed[1]} in {frames[0].function}"
    return Reason(HAZARD, code, words, _place(frames), fix, "run")


def _frames(report: Report) -> list[Frame]:
    """The stack of the thread that the report is about, from where it was when a signal came, if one did."""
    thread = next((each for each in report.threads if each.tid == report.thread), None) or next(iter(report.threads), None)
    if thread is None:
        return []
    handled = [i for i, frame in enumerate(thread.frames) if frame.kind == "signal"]
    return thread.frames[handled[-1] + 1 if handled else 0 :][:_FRAMES]


def _place(frames: Sequence[Frame]) -> str:
    shown = []
    for frame in frames:
        at = f" at {frame.file}:{frame.line}" if frame.file else f" ({frame.object})" if frame.object else ""
        shown.append(f"{frame.function}{at}")
    return ", called from ".join(shown)
