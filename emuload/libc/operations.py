"""dlopen, dlclose, start and end of the process: what the guest has to call for each, one function after the other.

An operation is a list of stages; the guest asks again and again what to do next (`EM_DL_NEXT`), and all that is under way
is kept here as plain data. In the order of glibc's dl_open_worker and _dl_close_worker: a debugger is notified before objects
come or go and when the link map is right again; then IFUNC resolvers are called as relocation asks; then constructors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from emuload.kernel.task import Task
from emuload.libc.link_maps import ENVIRONMENT, RT_ADD, RT_CONSISTENT, RT_DELETE, LinkMaps
from loader.constructors import Initializer
from loader.errors import FatalLoadError, LoadError
from loader.link_map import LinkMap, ResolverCall
from loader.objects import LinkedObject
from loader.pending import Linking

if TYPE_CHECKING:
    from emuload.kernel.initial_stack import InitialStack
    from emuload.machine.cpu import Cpu
    from emuload.trace.events import Recorder, Value

NEXT_DONE, NEXT_CALL, NEXT_WAIT, NEXT_RESOLVE, NEXT_NOTE, NEXT_FATAL = range(6)
"""enum em_next."""


_CLOSING = ("construct", "withdraw", "release", "rest")
"""Stages of a dlclose that unloads something."""


class Host(Protocol):
    """The parts of the process that are used here."""

    cpu: Cpu
    link_map: LinkMap
    recorder: Recorder
    stack: InitialStack
    program_name: str


class Wanted(NamedTuple):
    """The guest's next action: a number of enum em_next, and the first words of struct em_call."""

    code: int
    words: tuple[int, ...] = ()


@dataclass(eq=False, repr=False)
class Step:
    """One constructor or destructor."""

    object: LinkedObject
    index: int
    address: int
    kind: str


class Operation:
    """A dlopen, dlclose, start or shutdown under way.

    `stages` are names of what is still to be done. `objects` have not been begun; `steps` are those of the object that has
    been, `current`; `running` is the one the guest is in. `call` is the resolver that relocation needs, `asked` whether
    the guest was asked for its call.
    """

    def __init__(
        self,
        kind: str,
        stages: list[str],
        objects: list[LinkedObject] | None = None,
        value: int = 0,
        name: str = "",
        linking: Linking | None = None,
        call: ResolverCall | None = None,
        release: list[LinkedObject] | None = None,
    ) -> None:
        self.kind = kind
        self.stages = stages
        self.objects: list[LinkedObject] = [] if objects is None else objects
        self.value = value
        self.name = name
        self.linking = linking
        self.call = call
        self.asked = False
        self.steps: list[Step] = []
        self.current: LinkedObject | None = None
        self.running: Step | None = None
        self.release: list[LinkedObject] = [] if release is None else release
        self.error: LoadError | None = None

    @property
    def ends(self) -> bool:
        """True if it runs destructors."""
        return self.kind in ("dlclose", "shutdown")


class Operations:
    """The operations under way, by number."""

    def __init__(self, host: Host, link_maps: LinkMaps, refuse: Callable[[Task, LoadError, str], None]) -> None:
        """`refuse` keeps an error for the thread's dlerror."""
        self._host = host
        self._link_maps = link_maps
        self._refuse = refuse
        self._under_way: dict[int, Operation] = {}
        self._next = 1
        self._constructing: dict[int, int] = {}
        """The thread that runs an object's constructors, by the object's index."""
        self.exiting = False
        """True once the destructors of exit have begun."""

    # -- beginnings ----------------------------------------------------------------------------------------------

    def open(self, linking: Linking, name: str) -> int:
        """dlopen, once all is mapped. The number by which the guest asks."""
        stages = ["relocate", "construct"]
        if linking.new:
            stages = ["announce", "publish", *stages]
        value = self._link_maps.number(linking.handle)
        return self._begin(Operation("dlopen", stages, value=value, name=name, linking=linking))

    def close(self, objects: Sequence[LinkedObject]) -> int:
        """dlclose, of objects that nobody uses any more."""
        return self._begin(Operation("dlclose", list(_CLOSING) if objects else [], list(objects), release=list(objects)))

    def link(self, linking: Linking, call: ResolverCall) -> int:
        """The rest of the relocation at start-up, which stopped at a resolver."""
        return self._begin(Operation("link", ["relocate"], linking=linking, call=call))

    def startup(self, task: Task, phase: int) -> int:
        """Phase 1: the program's preinit array, then the libraries' constructors. Phase 2: the program's own.

        The program counts as initialised from phase 1 on, whoever calls its constructors: the linker runs its destructors
        (glibc elf/dl-init.c, call_init).
        """
        links = self._host.link_map
        main = links.main
        operation = Operation("startup", ["construct"])
        if phase == 1:
            operation.objects = [o for o in links.startup_order() if not o.is_main]
        if main is not None:
            main.initialized = True
            if phase == 1:
                rows = links.preinitializers(main) if links.profile.runs_preinit else []
            else:
                rows = links.initializers(main)
                links.turns += 1
                main.turn, operation.current = links.turns, main
                self._constructing[main.index] = task.tid
            operation.steps = self._steps(main, rows)
        return self._begin(operation)

    def shutdown(self) -> int:
        """The destructors at exit. What they close stays (glibc elf/dl-fini.c: l_direct_opencount)."""
        self.exiting = True
        objects = self._host.link_map.shutdown_order()
        for obj in objects:
            obj.refs += 1
        return self._begin(Operation("shutdown", ["construct"], objects))

    def _begin(self, operation: Operation) -> int:
        number = self._next
        self._next += 1
        self._under_way[number] = operation
        return number

    # -- going on ------------------------------------------------------------------------------------------------

    def next(self, task: Task, number: int, answer: int) -> tuple[Wanted, int]:
        """The guest's next action for an operation, and the operation's value so far. `answer` is the result of the resolver
        that it called last."""
        operation = self._under_way.get(number)
        if operation is None:
            return Wanted(NEXT_DONE), 0
        self._returned(operation, task)
        while operation.stages:
            stage: Callable[[Operation, Task, int], Wanted | None] = getattr(self, f"_{operation.stages[0]}")
            wanted = stage(operation, task, answer)
            if wanted is not None:
                return wanted, operation.value
            del operation.stages[0]
        del self._under_way[number]
        emit = self._host.recorder.emit
        if operation.error is not None:
            worded = self._host.link_map.profile.worded(operation.error, "dlopen")
            emit("dlopen-exit", task.tid, name=operation.name, error=str(worded))
        elif operation.kind != "link":
            emit(f"{operation.kind}-exit", task.tid, value=operation.value)
        return Wanted(NEXT_DONE), operation.value

    def _note(self, operation: Operation, state: int) -> Wanted:
        """Leave the stage, and let a debugger look at the link map."""
        del operation.stages[0]
        self._link_maps.set_state(state)
        return Wanted(NEXT_NOTE, (self._link_maps.breakpoint(), int(state != RT_CONSISTENT)))

    def _announce(self, operation: Operation, task: Task, answer: int) -> Wanted:
        return self._note(operation, RT_ADD)

    def _publish(self, operation: Operation, task: Task, answer: int) -> Wanted:
        self._link_maps.publish()
        return self._note(operation, RT_CONSISTENT)

    def _withdraw(self, operation: Operation, task: Task, answer: int) -> Wanted:
        return self._note(operation, RT_DELETE)

    def _release(self, operation: Operation, task: Task, answer: int) -> Wanted:
        self._host.link_map.release(operation.release)
        return self._publish(operation, task, answer)

    def _rest(self, operation: Operation, task: Task, answer: int) -> None:
        operation.objects = self._host.link_map.close_rest()
        operation.release = list(operation.objects)
        if operation.objects:
            operation.stages += _CLOSING

    def _relocate(self, operation: Operation, task: Task, answer: int) -> Wanted | None:
        links, linking, call = self._host.link_map, operation.linking, operation.call
        assert linking is not None
        try:
            if operation.asked and call is not None:
                facts: dict[str, Value] = {"object": call.object.path, "resolver": call.address, "target": answer}
                self._host.recorder.record("ifunc-resolved", task.tid, facts)
                call = links.relocate(linking, answer)
            elif call is None:
                call = links.relocate(linking)
        except FatalLoadError as error:
            program = "" if error.code == "inconsistency" else f"{self._host.program_name}: "
            text = f"{program}{error.linker_text}\n"
            return Wanted(NEXT_FATAL, (self._link_maps.string(text),))
        except LoadError as error:
            self._failed(operation, task, error)
            return None
        operation.call, operation.asked = call, call is not None
        return Wanted(NEXT_RESOLVE, (call.address,)) if call is not None else None

    def _failed(self, operation: Operation, task: Task, error: LoadError) -> None:
        """Nothing of what was opened is left; at start-up there is no process any more."""
        if operation.kind == "link":
            raise self._host.link_map.profile.worded(error, "start", self._host.program_name) from None
        self._refuse(task, error, "dlopen")
        operation.error, operation.value = error, 0
        operation.stages[1:] = ["withdraw", "publish"] if operation.linking and operation.linking.new else []

    # -- constructors and destructors ----------------------------------------------------------------------------

    def _construct(self, operation: Operation, task: Task, answer: int) -> Wanted | None:
        links = self._host.link_map
        if operation.linking is not None and operation.kind == "dlopen":
            operation.objects, operation.linking = links.to_construct(operation.linking), None
        while not operation.steps:
            self._leave(operation)
            if not operation.objects:
                return None
            loaded = operation.objects[0]
            busy = self._constructing_elsewhere(loaded, operation, task)
            if busy is not None:
                return Wanted(NEXT_WAIT, (busy.start, self._constructing[busy.index]))
            del operation.objects[0]
            rows = links.start_finalizers(loaded) if operation.ends else links.start_initializers(loaded)
            operation.steps = self._steps(loaded, rows)
            if rows and not operation.ends:
                operation.current = loaded
                self._constructing[loaded.index] = task.tid
        step = operation.running = operation.steps.pop(0)
        given = self._arguments(operation.ends, operation.kind == "dlopen")
        begun: dict[str, Value] = {"object": step.object.path, "index": step.index, "address": step.address}
        begun |= {"array": step.kind} if operation.ends else {"array": step.kind, **given}
        self._host.recorder.record(f"{_word(operation)}-enter", task.tid, begun)
        return Wanted(NEXT_CALL, (step.address, *given.values()))

    def _returned(self, operation: Operation, task: Task) -> None:
        """The function that the guest was in has come back."""
        if operation.running is not None:
            done, operation.running = operation.running, None
            facts: dict[str, Value] = {"object": done.object.path, "index": done.index, "address": done.address}
            self._host.recorder.record(f"{_word(operation)}-exit", task.tid, facts)

    def _steps(self, loaded: LinkedObject, rows: Sequence[Initializer]) -> list[Step]:
        """The functions among an array's entries: 0 and -1 are skipped."""
        return [Step(loaded, *row) for row in rows if row[1] not in (0, self._host.cpu.abi.word_mask)]

    def _leave(self, operation: Operation) -> None:
        """The constructors of the operation's object have all returned."""
        if operation.current is not None:
            self._constructing.pop(operation.current.index, None)
            self._host.link_map.finish_initializers(operation.current)
            operation.current = None

    def _constructing_elsewhere(self, loaded: LinkedObject, operation: Operation, task: Task) -> LinkedObject | None:
        """The object whose constructors in another thread this operation must wait for before it goes on with ``loaded``."""
        links = self._host.link_map
        match links.profile.locks.waits_for:
            case "same":
                waits = [loaded.index]
            case "any" if operation.kind == "dlopen":
                waits = list(self._constructing)
            case _:
                return None
        busy = next((i for i in waits if self._constructing.get(i, task.tid) != task.tid), None)
        return next((o for o in links.objects if o.index == busy), None)

    def _arguments(self, none: bool, opening: bool) -> dict[str, int]:
        """The arguments of a constructor: 0 where the profile passes nothing, as for destructors."""
        stack, profile = self._host.stack, self._host.link_map.profile
        passed = () if none else profile.constructor_arguments
        environment = self._link_maps.variable(ENVIRONMENT) if opening and profile.passes_environ else stack.envp
        given = {"argc": stack.argc, "argv": stack.argv, "envp": environment}
        return {name: value if name in passed else 0 for name, value in given.items()}


def _word(operation: Operation) -> str:
    return "destructor" if operation.ends else "constructor"
