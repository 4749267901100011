"""Events of the dynamic linker."""

from __future__ import annotations

from emuload.trace.kinds import BY_MACHINE, Kind, declared

OBJECT_FOUND = Kind("object-found", "object, name, machine", "the search for `name` found a file")
OBJECT_MAPPED = Kind("object-mapped", "object, address, size, bias", "its segments are in memory")
OBJECT_DEPENDENCIES = Kind(
    "object-dependencies", "object, needed", "its DT_NEEDED entries are found: `needed` are the objects, in the file's order"
)
OBJECT_RELOCATED = Kind(
    "object-relocated", "object, relocations, kinds",
    "all relocations are applied; `kinds` counts them by type, as `R_X86_64_RELATIVE=4230`",
)  # fmt: skip
OBJECT_UNMAPPED = Kind("object-unmapped", "object, address, size", "it is gone")
RELRO_PROTECTED = Kind(
    "relro-protected", "object, address, size", "PT_GNU_RELRO is read-only from here on", varies=BY_MACHINE
)
TLS_REGISTERED = Kind(
    "tls-registered", "object, module, size, align", "its TLS segment has a module id", varies=BY_MACHINE
)
STATIC_TLS = Kind(
    "static-tls", "object, module, offset, size, surplus_left",
    "it has a place in static TLS; `surplus_left` bytes remain for others",
    varies=BY_MACHINE,
)  # fmt: skip
TLS_IMAGE = Kind(
    "tls-image", "object, module, threads",
    "its initial TLS image was copied into the blocks of threads that exist",
    varies=BY_MACHINE,
)  # fmt: skip
TLS_BLOCK = Kind(
    "tls-block", "area, thread_pointer",
    "a new thread's TLS area is filled; `tid` is the creator, `task-create` has the same thread pointer",
    varies=BY_MACHINE,
)  # fmt: skip
WARNING = Kind("warning", "object, message", "the linker goes on, but real ones would warn")
PRELOAD_REFUSED = Kind(
    "preload-refused", "object, message",
    "a library that LD_PRELOAD names cannot be loaded, and is left out; `message` is what is printed",
)  # fmt: skip
IFUNC_RESOLVED = Kind(
    "ifunc-resolved", "object, resolver, target",
    "relocation called an IFUNC's resolver in the guest, which chose `target`",
)  # fmt: skip
SLOT_BOUND = Kind(
    "slot-bound", "object, symbol, target", "the first call through a PLT slot of `object` found the function"
)
CONSTRUCTOR_ENTER = Kind(
    "constructor-enter", "object, index, address, array, argc, argv, envp",
    "a constructor is called; `array` is init, init_array or preinit_array; the last three are the words passed to it, 0 if"
    " the profile passes none",
    begins=("constructor", "object"),
)  # fmt: skip
CONSTRUCTOR_EXIT = Kind("constructor-exit", "object, index, address", "it returned", ends=CONSTRUCTOR_ENTER)
DESTRUCTOR_ENTER = Kind(
    "destructor-enter", "object, index, address, array",
    "a destructor is called; `array` is fini or fini_array",
    begins=("destructor", "object"),
)  # fmt: skip
DESTRUCTOR_EXIT = Kind("destructor-exit", "object, index, address", "it returned", ends=DESTRUCTOR_ENTER)
DLOPEN_ENTER = Kind(
    "dlopen-enter", "name, flags", "dlopen begins, with the loader's lock held", begins=("dlopen", "name")
)
DLOPEN_EXIT = Kind(
    "dlopen-exit", "value", "it returns a handle", also=[("name, error", "it fails")], ends=DLOPEN_ENTER
)
DLCLOSE_ENTER = Kind("dlclose-enter", "object", "dlclose begins", begins=("dlclose", "object"))
DLCLOSE_EXIT = Kind("dlclose-exit", "value", "it is done", also=[("error", "it fails")], ends=DLCLOSE_ENTER)
DLSYM_ENTER = Kind(
    "dlsym-enter", "name, handle",
    "dlsym or dlvsym looks up a symbol, with the loader's lock held; `handle` is the number the guest holds",
    begins=("dlsym", "name"),
)  # fmt: skip
DLSYM_EXIT = Kind(
    "dlsym-exit", "value", "it is found at this address", also=[("error", "it is not found")], ends=DLSYM_ENTER
)
STARTUP_ENTER = Kind(
    "startup-enter", "phase",
    "the constructors of objects linked at start are about to run: 1 those of the libraries, 2 those of the program",
)  # fmt: skip
STARTUP_EXIT = Kind("startup-exit", "value", "the constructors of objects linked at start have run")
SHUTDOWN_ENTER = Kind("shutdown-enter", "", "the destructors at exit are about to run")
SHUTDOWN_EXIT = Kind("shutdown-exit", "value", "the destructors at exit have run")

KINDS = declared(globals())
