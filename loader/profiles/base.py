"""What a dynamic linker's rules are made of. A profile is data and small functions; nothing else asks which libc it
is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from ..errors import LoadError

if TYPE_CHECKING:
    from ..objects import LinkedObject


class Sorter(Protocol):
    """A rule of order, as `loader.order.sort_dfs`."""

    def __call__(
        self, objects: Sequence[LinkedObject], *, first: LinkedObject | None, destructors: bool
    ) -> list[LinkedObject]: ...


class Profile:
    """The rules of one dynamic linker; immutable, shared by copies of the state.

    ``constructor_arguments``    what DT_INIT and DT_INIT_ARRAY functions are passed
    ``surplus, optional``        bytes of static TLS kept for dlopened objects, and the share TLS descriptors may take
    ``lock_in_constructors``     the loader's lock is held while dlopen's constructors run
    ``words``                    LoadError code → the linker's own message, where it differs from ours
    """

    def __init__(
        self,
        *,
        name: str,
        sort: Sorter,
        constructor_arguments: tuple[str, ...],
        surplus: int,
        optional: int,
        lock_in_constructors: bool,
        words: Mapping[str, str],
    ) -> None:
        self.name = name
        self.sort = sort
        self.constructor_arguments = constructor_arguments
        self.surplus = surplus
        self.optional = optional
        self.lock_in_constructors = lock_in_constructors
        self.words = MappingProxyType(dict(words))

    def dlerror(self, error: LoadError) -> str:
        """The text the guest's dlerror() gives for ``error``."""
        message = self.words.get(error.code, error.message)
        return LoadError(error.path, "", message).linker_text

    def __deepcopy__(self, memo: object) -> Profile:
        return self

    def __repr__(self) -> str:
        return f"<Profile {self.name}>"
