"""The guests that the tests run: what each is, and how it is built where that needs words.

A folder that is not in this table can be built just as well; it then has no special options.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.targets import ALL, GNU

# An executable at a fixed address that reads libraries' data directly, so that it needs COPY relocations. zig refuses
# -fno-pic, hence the compiler's inner options.
FIXED = (
    "-no-pie",
    *("-Xclang", "-mrelocation-model", "-Xclang", "static"),
    *("-Xclang", "-fdirect-access-external-data"),
)


@dataclass(frozen=True)
class Guest:
    """How one folder is built.

    kind: go (a c-shared library), go-program, c (a library), c-program. targets, go_versions: for which
    `python -m tests.support.toolchain` builds it. flags: the C compiler's. link: other guests, or options, for
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
    # One export per behaviour of Go's runtime, and the C program that calls them all.
    "behaviour": Guest("go", ALL, ("1.27", "1.22")),
    "behaviour_host": Guest(headers=("behaviour",)),
    "behaviour_host_linked": Guest(
        folder="behaviour_host", targets=ALL, flags=("-DLINKED",), link=("behaviour",)
    ),
    # Two Go runtimes in one process; initialisations that never end.
    "two_a": Guest("go"),
    "two_b": Guest("go"),
    "two_host": Guest(),
    "blocked_init": Guest("go"),
    "early_constructor": Guest("go"),
    "late_constructor": Guest("go", folder="early_constructor", flags=("-DPRIORITY=65535",)),
    "blocked_host": Guest(),
    # Thread-local variables beside Go's.
    "tls_host": Guest(),
    # Dependencies: chain_host → chain_a → chain_b → chain_c, as a PIE and at fixed addresses.
    "chain_c": Guest("c"),
    "chain_b": Guest("c", link=("chain_c",)),
    "chain_a": Guest("c", link=("chain_b", "chain_c")),
    "chain_host": Guest(link=("chain_a", "chain_b", "chain_c")),
    "chain_host_fixed": Guest(folder="chain_host", flags=FIXED, link=("chain_a", "chain_b", "chain_c")),
    # What is not there, and what does not come back.
    "missing_symbol": Guest("c", link=("-Wl,-z,undefs",)),
    "missing_dependency_gone": Guest("c"),
    "missing_dependency": Guest("c", link=("missing_dependency_gone",)),
    "faulty": Guest("c"),
    "faulty_host": Guest(link=("faulty",)),
    # Versions, thread-local variables, an IFUNC, constructors by priority: something of each.
    "odd": Guest("c", link=(f"-Wl,--version-script={Path(__file__).parent / 'odd' / 'odd.map'}",)),
    # What orders two threads and what does not; exports and a table that only their callers keep in order.
    "ordering": Guest(),
    "racing": Guest("go"),
    "racing_host": Guest(),
    "filled_table": Guest("c"),
    "filled_table_waits": Guest("c", folder="filled_table", flags=("-DWAITS",)),
    # Opens a Go library at its first call.
    "lazy_wrapper": Guest("c"),
    # All that a dynamic linker has to order in one program: orderly_host → orderly_a → orderly_b, and one that is opened.
    "orderly_b": Guest("c"),
    "orderly_a": Guest("c", link=("orderly_b",)),
    "orderly_late": Guest("c"),
    "orderly_host": Guest(link=("orderly_a", "orderly_b")),
    # Wrong in one thing each.
    "cut_environment": Guest("c"),
    "slow_pthread_create": Guest("c"),
    "own_thread": Guest("c"),
    "opens_itself": Guest("c"),
    "opens_dependent": Guest("c"),
    "dependent": Guest("c", link=("opens_dependent",)),
    "init_only": Guest("c"),
    "panicking_init": Guest("go"),
    # C programs by themselves.
    "echo_stdin": Guest(targets=ALL),
    "threads_stdio": Guest(targets=ALL, link=("-lm",)),
}
