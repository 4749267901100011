"""Programs that go to the kernel's limits or change their own memory; what they print natively on Linux 6 (amd64) is expected."""

from __future__ import annotations

import pytest

from tests.support.command_line import source_file
from tests.support.running import run
from tests.support.targets import GNU
from tests.support.toolchain import c_program

PENDING = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int got, with_sender;
static void on(int signo, siginfo_t *info, void *context) { got++; with_sender += info->si_pid != 0; }

int main(void) {
    struct rlimit limit = {10, 10};
    setrlimit(RLIMIT_SIGPENDING, &limit);
    struct sigaction action = {0};
    action.sa_sigaction = on;
    action.sa_flags = SA_SIGINFO;
    for (int signo = SIGRTMIN; signo < SIGRTMIN + 4; signo++) sigaction(signo, &action, 0);
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGUSR2, &action, 0);
    sigset_t all, old, one;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    union sigval value = {0};
    int n = 0; /* less than 10 where other processes of the user have signals pending */
    while (n < 100 && !sigqueue(getpid(), SIGRTMIN + 1, value)) n++;
    printf("%s: %s\n", n > 0 && n <= 10 ? "queued" : "wrong", strerror(errno));
    printf("kill %d", kill(getpid(), SIGRTMIN + 2));
    printf(" %d\n", kill(getpid(), SIGRTMIN + 2));
    printf("tgkill %d", (int)syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN + 3));
    printf(" %d\n", (int)syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    printf("standard %d", kill(getpid(), SIGUSR2));
    printf(" %d\n", sigqueue(getpid(), SIGUSR2, value));
    signal(SIGRTMIN + 3, SIG_IGN);
    sigemptyset(&one);
    sigaddset(&one, SIGRTMIN + 3);
    sigprocmask(SIG_UNBLOCK, &one, 0);
    printf("ignored %d\n", sigqueue(getpid(), SIGRTMIN + 3, value));
    sigprocmask(SIG_SETMASK, &old, 0);
    printf("more %d, with a sender %d\n", got - n, with_sender - n);
    timer_t timer;
    struct sigevent event = {0};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    for (n = 0; n < 100 && !timer_create(CLOCK_MONOTONIC, &event, &timer); n++) {}
    printf("timers: %s\n", n > 0 && n <= 10 ? strerror(errno) : "wrong");
    return 0;
}
"""


@pytest.mark.parametrize("target", GNU)
def test_signals_are_queued_up_to_the_limit(target: str) -> None:
    """A further one of sigqueue is refused, one of kill comes once and without its siginfo (Linux __send_signal_locked)."""
    process = run(target, c_program(source_file("pending_signals", PENDING), target))
    again = "Resource temporarily unavailable"
    assert process.stdout.decode().splitlines() == [
        f"queued: {again}", "kill 0 0", "tgkill -1 0", "standard 0 0", "ignored 0", "more 3, with a sender 1", f"timers: {again}",
    ]  # fmt: skip


MANY = r"""
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
static int got;
static void on(int signo) { got++; }
int main(void) {
    sigset_t all, old;
    union sigval value = {0};
    int n = 0;
    struct rlimit limit = {4000, 4000};
    setrlimit(RLIMIT_SIGPENDING, &limit);
    for (int signo = SIGRTMIN; signo <= SIGRTMIN + 1; signo++) signal(signo, on);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    while (!sigqueue(getpid(), SIGRTMIN + n % 2, value)) n++;
    sigprocmask(SIG_SETMASK, &old, 0);
    printf("%d %d\n", n, got);
    return 0;
}
"""


def test_a_full_queue_is_delivered_in_time() -> None:
    process = run("amd64-gnu", c_program(source_file("many_signals", MANY), "amd64-gnu"))
    assert process.stdout == b"4000 4000\n"


REWRITTEN = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
static unsigned char seven[] = {0xb8, 7, 0, 0, 0, 0xc3}, nine[] = {0xb8, 9, 0, 0, 0, 0xc3};
#elif defined(__arm__)
static unsigned seven[] = {0xe3a00007, 0xe12fff1e}, nine[] = {0xe3a00009, 0xe12fff1e};
#else
static unsigned seven[] = {0xd28000e0, 0xd65f03c0}, nine[] = {0xd2800120, 0xd65f03c0};
#endif
int main(void) {
    int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int (*volatile function)(void) = (int (*)(void))page;
    memcpy(page, seven, sizeof seven);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    printf("%d ", function());
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    memcpy(page, nine, sizeof nine);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    printf("%d ", function());
    mprotect(page, 4096, all);
    memcpy(page, seven, sizeof seven);
    printf("%d ", function());
    memcpy(page, nine, sizeof nine);
    printf("%d ", function());
    mprotect(page, 4096, PROT_NONE);
    mprotect(page, 4096, all);
    memcpy(page, seven, sizeof seven);
    printf("%d\n", function());
    return 0;
}
"""


@pytest.mark.parametrize("target", GNU)
def test_code_that_was_written_again_runs_anew(target: str) -> None:
    process = run(target, c_program(source_file("rewritten_code", REWRITTEN), target))
    assert process.stdout == b"7 9 7 9 7\n"


NO_ACCESS = r"""
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
static sigjmp_buf back;
static int read_faults, write_faults, wrong;
static void on(int signo, siginfo_t *info, void *context) {
    wrong += info->si_code != SEGV_ACCERR;
    siglongjmp(back, 1);
}
int main(void) {
    volatile char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {0};
    action.sa_sigaction = on;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, 0);
    page[0] = 1;
    for (int round = 0; round < 3; round++) {
        mprotect((void *)page, 4096, PROT_NONE);
        for (int i = 0; i < 3; i++) {
            if (sigsetjmp(back, 1)) read_faults++;
            else page[i];
            if (sigsetjmp(back, 1)) write_faults++;
            else page[i] = 5;
        }
        mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
        page[0]++;
    }
    printf("%d %d %d %d\n", read_faults, write_faults, wrong, page[0]);
    return 0;
}
"""


@pytest.mark.parametrize("target", GNU)
def test_a_page_without_access_faults_each_time(target: str) -> None:
    process = run(target, c_program(source_file("no_access", NO_ACCESS), target))
    assert process.stdout == b"9 9 0 4\n"


NAMES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
    dlopen("caf\xe9\n\x01.so", RTLD_NOW);
    puts(dlerror());
    dlsym(RTLD_DEFAULT, "sy\xe9m\t");
    puts(dlerror());
    return 0;
}
"""


@pytest.mark.parametrize("target", GNU)
def test_dlerror_has_the_bytes_of_a_name(target: str) -> None:
    program = c_program(source_file("names_in_dlerror", NAMES), target)
    process = run(target, program)
    first, second = process.stdout.rstrip(b"\n").rsplit(b"\n", 1)
    assert first == b"caf\xe9\n\x01.so: cannot open shared object file: No such file or directory"
    assert second.endswith(b": undefined symbol: sy\xe9m\t")
