"""The guests that the tests run: what each is, and how it is built where that needs words.

A folder that is not in this table can be built just as well; it then has no special options.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = (
    "amd64-gnu",
    "armv7-gnueabihf",
    "armv5-gnueabi",
    "arm64-gnu",
    "amd64-musl",
    "armv7-musleabihf",
    "arm64-musl",
)
GNU = ALL[:4]


@dataclass(frozen=True)
class Guest:
    """How one folder is built.

    kind: go (a c-shared library), go-program, c (a library), c-program. targets, go_versions: for which
    `python -m tests.toolchain` builds it. flags: the C compiler's. link: other guests, or options, for
    the linker. headers: guests whose C headers it includes without being linked to them.
    mode: Go's -buildmode. folder: where the sources lie, when not under the guest's own name.
    """

    kind: str = "c-program"
    targets: tuple[str, ...] = GNU
    go_versions: tuple[str, ...] = ("1.27",)
    flags: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    mode: str = ""
    folder: str = ""


GUESTS = {
    "behaviour": Guest("go", ALL, ("1.27", "1.22")),
    "behaviour_host": Guest(headers=("behaviour",)),
    "behaviour_host_linked": Guest(
        folder="behaviour_host", targets=ALL, flags=("-DLINKED",), link=("behaviour",)
    ),
}
