"""What a report holds of a run that did not end well: plain data, which `emuload.report` draws."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Frame:
    """One stack frame, innermost first: `kind` is "go", "c", "libc" or "signal"; line 0 is unknown."""

    pc: int
    function: str
    object: str = ""
    file: str = ""
    line: int = 0
    kind: str = "c"


@dataclass
class ThreadReport:
    """What one thread was doing: `state` is "running", "runnable", "waiting" or "exited"; `holder` a tid or 0."""

    tid: int
    role: str
    state: str
    waits_for: str = ""
    holder: int = 0
    frames: list[Frame] = field(default_factory=list)
    registers: dict[str, int] = field(default_factory=dict)


@dataclass
class Report:
    """Why a run ended: `headline` is one line; `thread` the tid it is about (0: all); `time` virtual nanoseconds."""

    headline: str
    reason: str
    thread: int = 0
    time: int = 0
    threads: list[ThreadReport] = field(default_factory=list)
    output: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return asdict(self)
