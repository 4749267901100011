"""Events of Go libraries: the steps of the handoff, what the file says, how a runtime gives up.

The steps of the goroutine that initialises follow each other, whichever thread it runs on. A body of an export called from
outside comes after the steps that its library's code waits for (runtime/cgo/gcc_libinit.c, runtime/cgocall.go).
"""

from __future__ import annotations

from emuload.trace.kinds import BY_TIMING, Kind, declared

_STEP = ("init goroutine", "object")

GO_LIBRARY = Kind(
    "go-library", "object, waits",
    "a Go library is there; `waits` lists what its code lets calls of exports wait for: runtime_init_done, main_init_done",
    rule="go_library",
)  # fmt: skip
GO_PACKAGE_IMPORTS = Kind(
    "go-package-imports", "object, imports",
    "the library is there: `importer imported` for packages of which the code shows that one needs the other",
)  # fmt: skip
GO_RT0_LIB = Kind(
    "go-rt0-lib", "function, object", "the library's constructor", handoff=True, machine_fields=("function",)
)
GO_RT0_LIB_GO = Kind(
    "go-rt0-lib-go", "function, object", "the runtime's own thread begins",
    handoff=True, machine_fields=("function",), role="runtime",
)  # fmt: skip
GO_RT0_GO = Kind(
    "go-rt0-go", "function, object", "the runtime starts up", handoff=True, machine_fields=("function",)
)
GO_ARGS = Kind(
    "go-args", "function, argc, environment, complete, object",
    "the runtime takes its arguments: `environment` counts the entries behind argv, `complete` says whether these are those"
    " that the process was given",
)  # fmt: skip
GO_SCHEDINIT = Kind("go-schedinit", "function, object", "runtime.schedinit", handoff=True)
GO_RUNTIME_MAIN = Kind(
    "go-runtime-main", "function, object", "the main goroutine", handoff=True, acquires=[_STEP], releases=[_STEP]
)
GO_SYSMON = Kind("go-sysmon", "function, object", "the watchdog thread", handoff=True, role="sysmon")
GO_RUNTIME_INIT_DONE = Kind(
    "go-runtime-init-done", "function, object", "callers from C need no longer wait for the runtime",
    handoff=True, acquires=[_STEP], releases=[_STEP, ("runtime_init_done", "object")],
)  # fmt: skip
GO_PACKAGE_INIT_ENTER = Kind(
    "go-package-init-enter", "package, function, object", "a package's initialisation begins",
    handoff=True, begins=("init", "package"), moves=True, acquires=[_STEP], releases=[_STEP],
)  # fmt: skip
GO_PACKAGE_INIT_EXIT = Kind(
    "go-package-init-exit", "package, function, object", "it is done",
    handoff=True, ends=GO_PACKAGE_INIT_ENTER, acquires=[_STEP], releases=[_STEP],
)  # fmt: skip
GO_MAIN_INIT_DONE = Kind(
    "go-main-init-done", "function, object", "every package is initialised",
    handoff=True, acquires=[_STEP], releases=[_STEP, ("main_init_done", "object")],
)  # fmt: skip
GO_EXPORT_ENTER = Kind("go-export-enter", "function, object", "C calls an export", handoff=True)
GO_EXPORT_WAIT = Kind(
    "go-export-wait", "function, for, object", "the export waits for runtime_init_done or main_init_done",
    handoff=True, varies=BY_TIMING,
)  # fmt: skip
GO_EXPORT_BODY = Kind(
    "go-export-body", "function, object", "the export's Go code begins",
    handoff=True, begins=("export", "function"), rule="go_export",
)  # fmt: skip
GO_EXPORT_RETURN = Kind("go-export-return", "function, object", "it is done", handoff=True, ends=GO_EXPORT_BODY)
GO_GOROUTINE = Kind(
    "go-goroutine", "function, object", "a goroutine is made, to run `function`", varies=BY_TIMING
)
GO_THROW = Kind("go-throw", "function, message, object", "the runtime gives up")
GO_FATAL = Kind("go-fatal", "function, message, object", "the same, over an error of the program's")
GO_FATALPANIC = Kind("go-fatalpanic", "function, object", "a panic that nobody recovered")
GO_DIE = Kind("go-die", "function, signal, object", "the runtime ends the process by a signal")

KINDS = declared(globals())
