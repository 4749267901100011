"""Loading ELF shared objects as a dynamic linker does, into any address space. Needs no CPU, and nothing outside this
package but the standard library.

`LinkMap` is a process's linker. It writes into a `Memory`, of which `ByteMemory` is one of bytearrays; it gets files from a
finder, of which `DirectoryFinder` reads the host's; it refuses with a `LoadError`, which names file, structure and place.
`ElfFile` is one file, read and checked, without being loaded.

    links = LinkMap(
        ByteMemory(),
        finder=DirectoryFinder("/usr/aarch64-linux-gnu/lib"),
        absent=lambda name, requester: True,     # go on without libraries that are not found,
        missing=lambda name, requester: 0x1000,  # and let what they would define be here
    )
    library, constructors = links.dlopen("./libhello.so", RTLD_NOW)
    library.address("add"), links.initializers(library)

No file can make it fail otherwise, or take time and memory out of proportion to its size; `ByteMemory(limit=…)` bounds what
is mapped.
"""

from .dlfcn import (
    RTLD_DEEPBIND,
    RTLD_GLOBAL,
    RTLD_LAZY,
    RTLD_LOCAL,
    RTLD_NODELETE,
    RTLD_NOLOAD,
    RTLD_NOW,
)
from .elf import ElfFile
from .errors import LoadError
from .gabi import Symbol
from .link_map import DEFAULT, MAIN, NEXT, LinkMap
from .machines import BY_NAME, Machine
from .memory import PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE, ByteMemory, Memory
from .objects import LinkedObject, Resolved
from .profiles import Profile, UnknownProfile, profile
from .runtime import RuntimeNames
from .search import DirectoryFinder
from .tls import TlsLayout, TlsModule

__all__ = [
    "BY_NAME",
    "DEFAULT",
    "MAIN",
    "NEXT",
    "PROT_EXEC",
    "PROT_NONE",
    "PROT_READ",
    "PROT_WRITE",
    "RTLD_DEEPBIND",
    "RTLD_GLOBAL",
    "RTLD_LAZY",
    "RTLD_LOCAL",
    "RTLD_NODELETE",
    "RTLD_NOLOAD",
    "RTLD_NOW",
    "ByteMemory",
    "DirectoryFinder",
    "ElfFile",
    "LinkMap",
    "LinkedObject",
    "LoadError",
    "Machine",
    "Memory",
    "Profile",
    "Resolved",
    "RuntimeNames",
    "Symbol",
    "TlsLayout",
    "TlsModule",
    "UnknownProfile",
    "profile",
]
