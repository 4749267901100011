"""Ways to make a good trace wrong in one thing, each with the rule that it breaks.

`PROGRAM` is a trace of tests/guests/orderly_host; `HELLO` of the sample libhello, opened and called at once; `EAGER` and `LAZY`
are traces of Go libraries that keep to the two forms of the design of 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.order.wrong.edit import Edit, copies, made

PROGRAM, HELLO, EAGER, LAZY = "program", "hello", "eager", "lazy"
A, B, LATE = "liborderly_a.so", "liborderly_b.so", "liborderly_late.so"

Mutate = Callable[[Edit], None]


class Mutation(NamedTuple):
    """A change of a trace: the trace it starts from, and the verdicts it must lead to."""

    name: str
    base: str
    set: str
    rule: str
    verdict: str
    mutate: Mutate


MUTATIONS: list[Mutation] = []


def breaks(base: str, rule: str, verdict: str = "broken") -> Callable[[Mutate], Mutate]:
    """The decorated function makes a trace of `base` wrong: `rule`, as SET/NAME, has that verdict then, and all others hold."""

    def note(mutate: Mutate) -> Mutate:
        of, _, name = rule.partition("/")
        MUTATIONS.append(Mutation(mutate.__name__, base, of, name, verdict, mutate))
        return mutate

    return note


# -- the dynamic linker: loading -------------------------------------------------------------------------------------


@breaks(PROGRAM, "elf/mapped-before-relocated")
def relocated_and_then_mapped(run: Edit) -> None:
    run.move(run.one("object-mapped", object=B), behind=run.one("object-relocated", object=B))


@breaks(PROGRAM, "elf/relocated-before-constructors")
def relocated_too_late(run: Edit) -> None:
    run.move(run.one("object-relocated", object=LATE), behind=run.one("constructor-enter", object=LATE))


@breaks(PROGRAM, "elf/relocated-before-constructors")
def a_dependency_relocated_too_late(run: Edit) -> None:
    run.move(run.one("object-relocated", object=B), behind=run.one("constructor-enter", object=A))


@breaks(PROGRAM, "elf/relocated-before-constructors")
def never_relocated(run: Edit) -> None:
    run.drop(run.one("object-relocated", object=LATE))


@breaks(PROGRAM, "elf/relro-before-constructors")
def relro_behind_the_constructor(run: Edit) -> None:
    run.move(run.one("relro-protected", object=LATE), behind=run.one("constructor-exit", object=LATE))


@breaks(PROGRAM, "elf/relro-before-constructors")
def relro_between_two_constructors(run: Edit) -> None:
    run.move(run.one("relro-protected", object=B), behind=run.one("constructor-exit", object=B))


@breaks(PROGRAM, "elf/tls-before-constructors")
def tls_image_behind_the_constructor(run: Edit) -> None:
    run.move(run.one("tls-image", object=LATE), behind=run.one("constructor-exit", object=LATE))


@breaks(PROGRAM, "elf/tls-before-constructors")
def tls_module_registered_behind_the_constructors(run: Edit) -> None:
    run.move(run.one("tls-registered", object=B), behind=run.one("constructor-exit", -1, object=B))


@breaks(PROGRAM, "elf/tls-block-before-thread")
def tls_block_behind_the_thread(run: Edit) -> None:
    run.move(run.one("tls-block", -1), behind=run.one("thread-start"))


@breaks(PROGRAM, "elf/tls-block-before-thread")
def a_thread_without_a_tls_block(run: Edit) -> None:
    run.drop(run.one("tls-block", -1))


# -- the dynamic linker: constructors --------------------------------------------------------------------------------


@breaks(PROGRAM, "elf/preinit-before-constructors")
def preinit_array_behind_the_libraries(run: Edit) -> None:
    run.move(run.span(run.one("constructor-enter", array="preinit_array")), behind=run.one("constructor-exit", object=A))


@breaks(PROGRAM, "elf/init-before-init-array")
def init_behind_init_array(run: Edit) -> None:
    run.move(run.span(run.one("constructor-enter", object=B, array="init")), behind=run.one("constructor-exit", -1, object=B))


@breaks(PROGRAM, "elf/constructors-in-order")
def two_constructors_change_places(run: Edit) -> None:
    first, second = run.all("constructor-enter", object=B, array="init_array")
    run.move(run.span(first), behind=run.span(second)[-1])


@breaks(PROGRAM, "elf/constructors-once")
def a_constructor_twice(run: Edit) -> None:
    again = run.span(run.one("constructor-enter", object=LATE))
    run.put(copies(again), behind=again[-1])


@breaks(PROGRAM, "elf/constructors-once")
def all_constructors_of_an_object_twice(run: Edit) -> None:
    last = run.one("constructor-exit", -1, object=B)
    run.put(copies(run.span(run.one("constructor-enter", object=B), last)), behind=last)


@breaks(PROGRAM, "elf/dependencies-constructed-first")
def a_dependent_constructed_first(run: Edit) -> None:
    run.move(run.span(run.one("constructor-enter", object=A)), before=run.one("constructor-enter", object=B))


@breaks(PROGRAM, "elf/dependencies-constructed-first")
def a_dependent_constructed_within_its_dependency(run: Edit) -> None:
    run.move(run.span(run.one("constructor-enter", object=A)), behind=run.one("constructor-enter", -1, object=B))


@breaks(PROGRAM, "elf/constructors-while-loading")
def constructed_when_dlopen_is_over(run: Edit) -> None:
    run.move(run.span(run.one("constructor-enter", object=LATE)), behind=run.one("dlopen-exit"))


@breaks(PROGRAM, "elf/constructors-while-loading")
def dlopen_returns_while_a_constructor_runs(run: Edit) -> None:
    run.move(run.one("dlopen-exit"), before=run.one("constructor-exit", object=LATE))


# -- the dynamic linker: destructors ---------------------------------------------------------------------------------


@breaks(PROGRAM, "elf/constructors-before-destructors")
def constructed_after_its_destructor(run: Edit) -> None:
    constructor = run.span(run.one("constructor-enter", object=LATE))
    run.move([run.one("dlopen-enter"), *constructor, run.one("dlopen-exit")], before=run.one("object-unmapped", object=LATE))


@breaks(PROGRAM, "elf/dependents-destroyed-first")
def a_dependency_destroyed_first(run: Edit) -> None:
    own = run.span(run.one("destructor-enter", object=B), run.one("destructor-exit", -1, object=B))
    run.move(own, before=run.one("destructor-enter", object=A))


@breaks(PROGRAM, "elf/dependents-destroyed-first")
def a_dependency_destroyed_within_its_dependent(run: Edit) -> None:
    run.move(run.one("destructor-exit", object=A), behind=run.one("destructor-exit", -1, object=B))


@breaks(PROGRAM, "elf/destructors-in-reverse")
def two_destructors_change_places(run: Edit) -> None:
    first, second = run.all("destructor-enter", object=B, array="fini_array")
    run.move(run.span(first), behind=run.span(second)[-1])


@breaks(PROGRAM, "elf/fini-array-before-fini")
def fini_before_fini_array(run: Edit) -> None:
    run.move(run.span(run.one("destructor-enter", object=B, array="fini")), before=run.one("destructor-enter", object=B))


@breaks(PROGRAM, "elf/destructors-once")
def a_destructor_twice(run: Edit) -> None:
    again = run.span(run.one("destructor-enter", object=A))
    run.put(copies(again), behind=again[-1])


@breaks(PROGRAM, "elf/destructors-while-closing")
def destroyed_when_exit_is_over(run: Edit) -> None:
    run.move(run.span(run.one("destructor-enter", -1, object=B)), behind=run.one("shutdown-exit"))


@breaks(PROGRAM, "elf/destructors-while-closing")
def destroyed_while_in_use(run: Edit) -> None:
    run.move(run.span(run.one("destructor-enter", object=LATE)), before=run.one("dlclose-enter"))


@breaks(PROGRAM, "elf/destructors-before-unmapping")
def unmapped_while_its_destructor_runs(run: Edit) -> None:
    run.move(run.one("object-unmapped", object=LATE), before=run.one("destructor-exit", object=LATE))


@breaks(PROGRAM, "elf/destructors-before-unmapping")
def unmapped_before_its_destructor(run: Edit) -> None:
    run.move(run.one("object-unmapped", object=LATE), before=run.one("destructor-enter", object=LATE))


# -- Go: the runtime's start -----------------------------------------------------------------------------------------


@breaks(HELLO, "go-c-shared/constructor-once")
def the_constructor_twice(run: Edit) -> None:
    run.put(copies([run.one("go-rt0-lib")]), behind=run.events[-1])


@breaks(HELLO, "go-c-shared/constructor-before-exports")
def an_export_entered_before_the_constructor(run: Edit) -> None:
    run.move(run.one("go-export-enter"), before=run.one("go-rt0-lib"))


@breaks(HELLO, "go-c-shared/constructor-before-runtime-thread")
def the_runtimes_thread_before_the_constructor(run: Edit) -> None:
    run.move(run.one("go-rt0-lib-go"), before=run.one("go-rt0-lib"))


@breaks(HELLO, "go-c-shared/runtime-thread-is-not-the-loader")
def the_runtime_on_the_loading_thread(run: Edit) -> None:
    run.change(run.one("go-rt0-lib-go"), tid=run.one("go-rt0-lib").tid)


@breaks(HELLO, "go-c-shared/constructor-does-not-wait")
def the_constructor_sleeps(run: Edit) -> None:
    start = run.one("go-rt0-lib")
    slept = {"name": "nanosleep", "args": [0, 0], "wait": "1 ms"}
    run.put([made(start, "syscall-enter", **slept), made(start, "syscall-exit", name="nanosleep", result=0)], behind=start)


@breaks(HELLO, "go-c-shared/constructor-does-not-wait")
def the_constructor_waits_for_a_condition(run: Edit) -> None:
    start = run.one("go-rt0-lib")
    run.put([made(start, "cond-wait", cond=1, mutex=2), made(start, "cond-return", cond=1)], behind=start)


@breaks(HELLO, "go-c-shared/runtime-thread-before-rt0-go")
def rt0_go_before_its_thread(run: Edit) -> None:
    run.move(run.one("go-rt0-go"), before=run.one("go-rt0-lib-go"))


@breaks(HELLO, "go-c-shared/rt0-go-before-schedinit")
def schedinit_before_rt0_go(run: Edit) -> None:
    run.move(run.one("go-schedinit"), before=run.one("go-rt0-go"))


@breaks(HELLO, "go-c-shared/schedinit-before-main")
def schedinit_behind_main(run: Edit) -> None:
    run.move(run.one("go-schedinit"), behind=run.one("go-runtime-main"))


@breaks(HELLO, "go-c-shared/main-before-runtime-init-done")
def ready_before_main(run: Edit) -> None:
    run.move(run.one("go-runtime-main"), behind=run.one("go-runtime-init-done"))


@breaks(HELLO, "go-c-shared/steps-once")
def the_scheduler_made_twice(run: Edit) -> None:
    once = run.one("go-schedinit")
    run.put(copies([once]), behind=once)


@breaks(HELLO, "go-c-shared/steps-once")
def initialised_twice(run: Edit) -> None:
    once = run.one("go-main-init-done")
    run.put(copies([once]), behind=once)


# -- Go: packages ----------------------------------------------------------------------------------------------------


@breaks(HELLO, "go-c-shared/runtime-package-before-runtime-init-done")
def ready_before_package_runtime(run: Edit) -> None:
    run.move(run.one("go-package-init-exit", package="runtime"), behind=run.one("go-runtime-init-done"))


@breaks(HELLO, "go-c-shared/runtime-init-done-before-packages")
def a_package_before_the_runtime_is_ready(run: Edit) -> None:
    run.move(run.span(run.one("go-package-init-enter", package="errors")), before=run.one("go-runtime-init-done"))


@breaks(HELLO, "go-c-shared/packages-in-dependency-order")
def two_packages_change_places(run: Edit) -> None:
    second = run.span(run.one("go-package-init-enter", package="os"))
    run.move(second, before=run.one("go-package-init-enter", package="internal/poll"))


@breaks(HELLO, "go-c-shared/packages-in-dependency-order")
def a_package_within_one_that_it_needs(run: Edit) -> None:
    run.move(run.one("go-package-init-exit", package="os"), behind=run.one("go-package-init-enter", package="main"))


@breaks(HELLO, "go-c-shared/packages-in-dependency-order")
def a_package_forgotten(run: Edit) -> None:
    run.drop(run.span(run.one("go-package-init-enter", package="sync")))


@breaks(HELLO, "go-c-shared/packages-once")
def a_package_twice(run: Edit) -> None:
    once = run.span(run.one("go-package-init-enter", package="unicode"))
    run.put(copies(once), behind=once[-1])


@breaks(HELLO, "go-c-shared/environment-before-packages")
def arguments_behind_the_first_package(run: Edit) -> None:
    run.move(run.one("go-args"), behind=run.one("go-package-init-enter"))


@breaks(HELLO, "go-c-shared/environment-before-packages")
def an_environment_that_is_not_all_there(run: Edit) -> None:
    run.change(run.one("go-args"), environment=0, complete=False)


@breaks(HELLO, "go-c-shared/packages-before-main-init-done")
def initialised_before_the_last_package(run: Edit) -> None:
    run.move(run.span(run.one("go-package-init-enter", package="main")), behind=run.one("go-main-init-done"))


@breaks(HELLO, "go-c-shared/packages-before-main-init-done")
def initialised_within_the_last_package(run: Edit) -> None:
    run.move(run.one("go-main-init-done"), before=run.one("go-package-init-exit", package="main"))


# -- Go: exports and failures ----------------------------------------------------------------------------------------


@breaks(HELLO, "go-c-shared/main-init-done-before-exports")
def an_export_before_initialisation_is_done(run: Edit) -> None:
    run.move(run.one("go-export-body"), before=run.one("go-main-init-done"))


@breaks(HELLO, "go-c-shared/deadlock-detector-silent")
def the_deadlock_detector_speaks(run: Edit) -> None:
    start = run.one("go-runtime-main")
    message = "all goroutines are asleep - deadlock!"
    run.put(made(start, "go-fatal", function="runtime.fatal", message=message, object=start.fields["object"]), behind=start)


@breaks(HELLO, "go-c-shared/no-failure-before-main-init-done")
def a_throw_while_initialising(run: Edit) -> None:
    start = run.one("go-package-init-enter", package="main")
    run.put(made(start, "go-throw", function="runtime.throw", message="oh", object=start.fields["object"]), behind=start)


# -- the design of 2013 ----------------------------------------------------------------------------------------------


@breaks(EAGER, "eager/loading-waits-for-go")
def loading_is_over_before_go_is_ready(run: Edit) -> None:
    run.move(run.one("constructor-exit", -1, object="liblate_constructor.so"), before=run.one("go-main-init-done"))


@breaks(LAZY, "lazy/nothing-before-the-first-call")
def constructed_before_the_first_call(run: Edit) -> None:
    run.move(run.one("go-rt0-lib"), before=run.one("call-enter", function="lazy_add"))


@breaks(EAGER, "eager/loading-waits-for-go", "unordered")
def loading_is_over_after_go_is_ready_by_luck(run: Edit) -> None:
    run.drop([*run.all("go-export-wait"), *run.all("go-export-body"), *run.all("go-export-return")])


@breaks(LAZY, "lazy/nothing-before-the-first-call", "unordered")
def the_first_call_made_meanwhile_by_another_thread(run: Edit) -> None:
    run.change(run.one("call-enter", function="lazy_add"), tid=9999)
