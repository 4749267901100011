"""The cost of a run in instructions, phase by phase: exact, the same on every host, every time.

Each instruction is charged to one phase, the innermost that its thread is in: a constructor is within dlopen, a package's init
within the runtime's. Code outside of all phases is charged to a phase named for the thread's role. If Go moves a package's init
to another thread, its instructions there are charged to that thread's phase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emuload.errors import UsageError
from emuload.trace.kinds import calls, golang, linker

if TYPE_CHECKING:
    from emuload.process.scheduler import Scheduler
    from emuload.trace.events import Event

RUNTIME_INIT = "runtime init"
MAIN_GOROUTINE = "between package inits"
_CALLER, _BACKGROUND = "between calls", "Go in the background"
_OUTSIDE = {"loader": _CALLER, "foreign": _CALLER, **{kind.role: _BACKGROUND for kind in golang.KINDS if kind.role}}
"""Phase of a thread's code outside of all others, by the thread's role."""

_OTHER = "other threads"
_PLAIN_CALLS = ("dlopen", "dlsym", "dlerror", "dlclose", "pthread_create", "exit")
"""Functions that the host calls for itself."""

CallName = Callable[[str, int], str]
"""(function, number of calls of it made before, on any thread) → the call's name."""


@dataclass
class Phase:
    """The instructions of a phase, in all and by thread, in the order in which the threads came to it."""

    name: str
    instructions: int = 0
    threads: dict[int, int] = field(default_factory=dict)


class CostMeter:
    """Counts a process's instructions by phase; to be made before the process has run any code.

    It listens to the process's events, which must be recorded. Raises UsageError if they are not.
    """

    def __init__(self, scheduler: Scheduler, call_name: CallName = lambda function, number: function) -> None:
        self.call_name = call_name
        self.phases: dict[str, Phase] = {}
        self._tasks = scheduler.kernel.tasks
        self._stacks: dict[int, list[str]] = {}
        """The phases each thread is in, the innermost last."""
        self._calls: dict[str, int] = {}
        """Calls made so far, by function."""
        self._tid = 0
        self._charged = 0
        """Instructions given to a phase so far."""
        self._library = ""
        recorder = scheduler.kernel.events
        if not recorder.enabled:
            raise UsageError("the cost is told by the run's events, which are off")
        self._count = scheduler.cpu.count_instructions()
        scheduler.log = self
        recorder.add_listener(self.see)

    @property
    def total(self) -> int:
        """All instructions so far."""
        return self._count.executed

    def slice(self, tid: int) -> None:
        """A slice of thread `tid` is about to run."""
        self._charge(self._count.executed)
        self._tid = tid

    def finish(self) -> list[Phase]:
        """The phases in the order in which they began; their instructions add up to `total`."""
        self._charge(self._count.executed)
        return [phase for phase in self.phases.values() if phase.instructions]

    def see(self, event: Event) -> None:
        """Take note of an event: charge the instructions before it, and begin or end a phase if it does."""
        change = _CHANGES.get(event.kind)
        if change is not None:
            self._charge(self._count.at(event.pc))
            change(self, event)

    def _charge(self, executed: int) -> None:
        """Charge the instructions since the last time to the phase of the thread that ran."""
        ran = executed - self._charged
        if ran:
            phase = self._phase(self._now(self._tid))
            phase.instructions += ran
            phase.threads[self._tid] = phase.threads.get(self._tid, 0) + ran
            self._charged = executed

    def _phase(self, name: str) -> Phase:
        return self.phases.setdefault(name, Phase(name))

    def _now(self, tid: int) -> str:
        stack = self._stacks.get(tid)
        if stack:
            return stack[-1]
        if not self._calls:
            return "start-up"
        task = self._tasks.get(tid)
        return _OUTSIDE.get(task.role if task is not None else "", _OTHER)

    def _begin(self, event: Event, name: str) -> None:
        self._stacks.setdefault(event.tid, []).append(name)
        self._phase(name)

    def _end(self, event: Event, name: str) -> None:
        """End a phase with all that is still open inside it: on the event's thread, else on the one where it began."""
        for tid in (event.tid, *self._stacks):
            stack = self._stacks.get(tid, [])
            if name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
                return

    def _named(self, event: Event, name: str) -> str:
        """A Go phase's name, with the library's if it is not the first Go library of the process."""
        path = str(event.fields["object"])
        self._library = self._library or path
        return name if path == self._library else f"{name} ({_base(path)})"

    # -- what begins and ends phases -------------------------------------------------------------------------------

    def _call(self, event: Event) -> None:
        function = str(event.fields["function"])
        number = self._calls.get(function, 0)
        self._calls[function] = number + 1
        self._begin(event, function if function in _PLAIN_CALLS else f"call {self.call_name(function, number)}")

    def _call_back(self, event: Event) -> None:
        stack = self._stacks.get(event.tid, [])
        function = str(event.fields["function"])
        wanted = [name for name in stack if name == function or name.startswith("call ")]
        if wanted:
            self._end(event, wanted[-1])

    def _constructor(self, event: Event) -> None:
        self._begin(event, _function(event, "constructor"))

    def _constructor_back(self, event: Event) -> None:
        self._end(event, _function(event, "constructor"))

    def _destructor(self, event: Event) -> None:
        self._begin(event, _function(event, "destructor"))

    def _destructor_back(self, event: Event) -> None:
        self._end(event, _function(event, "destructor"))

    def _runtime(self, event: Event) -> None:
        self._begin(event, self._named(event, RUNTIME_INIT))

    def _runtime_done(self, event: Event) -> None:
        self._end(event, self._named(event, RUNTIME_INIT))
        self._begin(event, self._named(event, MAIN_GOROUTINE))

    def _package(self, event: Event) -> None:
        self._begin(event, self._named(event, f"package init {event.fields['package']}"))

    def _package_done(self, event: Event) -> None:
        self._end(event, self._named(event, f"package init {event.fields['package']}"))

    def _main_done(self, event: Event) -> None:
        self._end(event, self._named(event, MAIN_GOROUTINE))

    def _unmapped(self, event: Event) -> None:
        self._count.forget()


_CHANGES: Mapping[str, Callable[[CostMeter, Event], None]] = {
    calls.CALL_ENTER.name: CostMeter._call,
    calls.CALL_EXIT.name: CostMeter._call_back,
    linker.CONSTRUCTOR_ENTER.name: CostMeter._constructor,
    linker.CONSTRUCTOR_EXIT.name: CostMeter._constructor_back,
    linker.DESTRUCTOR_ENTER.name: CostMeter._destructor,
    linker.DESTRUCTOR_EXIT.name: CostMeter._destructor_back,
    golang.GO_RT0_LIB_GO.name: CostMeter._runtime,
    golang.GO_RUNTIME_INIT_DONE.name: CostMeter._runtime_done,
    golang.GO_PACKAGE_INIT_ENTER.name: CostMeter._package,
    golang.GO_PACKAGE_INIT_EXIT.name: CostMeter._package_done,
    golang.GO_MAIN_INIT_DONE.name: CostMeter._main_done,
    linker.OBJECT_UNMAPPED.name: CostMeter._unmapped,
}


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _function(event: Event, word: str) -> str:
    """`constructor libhello.so[1]`: an entry of an object's array."""
    return f"{word} {_base(str(event.fields['object']))}[{event.fields['index']}]"
