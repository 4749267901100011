"""The loaded objects of one process: plain data that the link map's parts and the profiles share."""

from __future__ import annotations

from collections.abc import Sequence

from .gabi import Symbol
from .machines import Machine
from .objects import LinkedObject
from .owner import Owner


class State:
    """The objects, their search scopes, and the words and folders by which they are found.

    ``library_path``  directories searched before the system's own, as LD_LIBRARY_PATH
    ``program``       the name of the main program in the linker's words; "": its path
    """

    def __init__(self, owner: Owner, machine: Machine | None, library_path: Sequence[str], program: str) -> None:
        self.owner = owner
        #: the machine of this process, known once given or once a file is loaded
        self.known_machine = machine
        #: e_flags of files that pass floats in other registers than this process; 0 while that is not known
        self.foreign_floats = 0
        self.library_path = list(library_path)
        self.program = program
        #: every loaded object in load order
        self.objects: list[LinkedObject] = []
        #: the main program's search list, with what RTLD_GLOBAL added
        self.global_scope: list[LinkedObject] = []
        #: the main program, if there is one
        self.main: LinkedObject | None = None
        #: STB_GNU_UNIQUE definitions in use, by name
        self.unique: dict[bytes, tuple[LinkedObject, Symbol]] = {}
        #: how many times a reference has made an object keep another one that it does not need
        self.bindings = 0
        #: true while objects that a dlclose unloads still run their destructors
        self.closing = False
        #: true if one of these destructors closed another object
        self.close_again = False

    @property
    def machine(self) -> Machine:
        """The machine of this process."""
        assert self.known_machine is not None, "no machine given and nothing loaded yet"
        return self.known_machine

    def object_at(self, address: int) -> LinkedObject | None:
        """The object whose segments hold ``address``."""
        for obj in self.objects:
            if obj.start <= address < obj.end and obj.contains(address):
                return obj
        return None

    def shown(self, obj: LinkedObject) -> str:
        """The name of an object in the linker's own words: the program's is its argv[0]."""
        return self.program if obj.is_main and self.program else obj.path

    def warn(self, obj: LinkedObject, message: str) -> None:
        """Report something that the real linker prints a warning about."""
        self.owner.warn(obj, message)

    def make_global(self, objects: Sequence[LinkedObject]) -> None:
        """Offer the symbols of ``objects`` to all, as RTLD_GLOBAL asks."""
        for obj in objects:
            if not obj.is_global:
                obj.is_global = True
                self.global_scope = [*self.global_scope, obj]
