"""Loading ELF shared objects as a dynamic linker does, into any address space. Needs no CPU, and nothing outside this
package.

from loader import ByteMemory, DirectoryFinder, LinkMap, RTLD_NOW
links = LinkMap(ByteMemory(), finder=DirectoryFinder("/lib"), missing=lambda name, obj: 0x1000)
library, constructors = links.dlopen("./libhello.so", RTLD_NOW)
library.address("add")
"""

from .elf import ElfFile, Symbol
from .errors import LoadError
from .link_map import (
    DEFAULT,
    MAIN,
    NEXT,
    RTLD_DEEPBIND,
    RTLD_GLOBAL,
    RTLD_LAZY,
    RTLD_LOCAL,
    RTLD_NODELETE,
    RTLD_NOLOAD,
    RTLD_NOW,
    LinkMap,
)
from .machines import BY_NAME, Machine
from .memory import PROT_EXEC, PROT_READ, PROT_WRITE, ByteMemory, Memory
from .objects import LinkedObject, Resolved
from .profiles import Profile, UnknownProfile, profile
from .search import DirectoryFinder
from .tls import TlsLayout, TlsModule

__all__ = [
    "BY_NAME",
    "DEFAULT",
    "MAIN",
    "NEXT",
    "PROT_EXEC",
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
    "Symbol",
    "TlsLayout",
    "TlsModule",
    "UnknownProfile",
    "profile",
]
