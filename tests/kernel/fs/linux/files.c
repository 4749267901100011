/*
 * What Linux answers to calls on files, one "name: answer" line each.
 *
 *     files > expected.txt          on an amd64 Linux; the same program must print the same as a guest
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
#define ERR(call) ((call) == -1 ? errno : 0)

static char text[200];
static volatile sig_atomic_t caught, caught_fd, caught_code;

static void note(int signo, siginfo_t *info, void *context) {
    caught = signo;
    caught_fd = info->si_fd;
    caught_code = info->si_code;
}

static void handle(int signo, int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = note;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(signo, &action, NULL);
}

static void pause_ms(int ms) {
    struct timespec time = {0, ms * 1000000L};
    nanosleep(&time, NULL);
}

static void show(const char *name, const char *path) {
    struct stat status;
    if (lstat(path, &status) == -1)
        SAY("%s: error %d", name, errno);
    else
        SAY("%s: mode %o, %d links, %ld bytes, owner %d", name, status.st_mode, (int)status.st_nlink,
            S_ISDIR(status.st_mode) ? 0 : (long)status.st_size, status.st_uid == getuid());
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
    char *names[20];
    int count = 0;
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && count < 20 && (entry = readdir(folder))) {
        names[count] = malloc(strlen(entry->d_name) + 10);
        sprintf(names[count++], "%s/%d", entry->d_name, entry->d_type);
    }
    qsort(names, count, sizeof *names, by_name);
    printf("list:");
    for (int i = 0; i < count; i++)
        printf(" %s", names[i]);
    putchar('\n');
    closedir(folder);
}

static void names_and_files(void) {
    char folder[] = "/tmp/filesXXXXXX", here[100];
    struct timespec times[2] = {{1, 2}, {3, 4}};
    struct stat status;
    int fd, other;
    SAY("mkdtemp: %d", mkdtemp(folder) != NULL);
    SAY("chdir: %d, getcwd: %d", chdir(folder), strcmp(getcwd(here, sizeof here), folder));
    umask(027);
    fd = open("file", O_CREAT | O_EXCL | O_RDWR, 0666);
    show("new file", "file");
    SAY("again: %d", ERR(open("file", O_CREAT | O_EXCL, 0666)));
    SAY("write: %zd", write(fd, "0123456789", 10));
    SAY("pwrite: %zd, pread: %zd %.4s", pwrite(fd, "ab", 2, 3), pread(fd, text, 4, 2), text);
    SAY("lseek: %ld %ld %d", (long)lseek(fd, -3, SEEK_END), (long)lseek(fd, 0, SEEK_CUR), ERR(lseek(fd, -1, SEEK_SET)));
    struct iovec pieces[2] = {{"xy", 2}, {"zzz", 3}};
    SAY("writev: %zd", writev(fd, pieces, 2));
    SAY("ftruncate: %d", ftruncate(fd, 5000));
    show("longer", "file");
    SAY("hole: %zd %d", pread(fd, text, 20, 4990), text[0]);
    SAY("mkdir: %d, again: %d", mkdir("d", 0777), ERR(mkdir("d", 0777)));
    show("folder", "d");
    SAY("link: %d", link("file", "d/second"));
    SAY("symlink: %d", symlink("../file", "d/soft"));
    show("two names", "d/second");
    show("symbolic link", "d/soft");
    SAY("readlink: %zd", readlink("d/soft", text, sizeof text));
    SAY("nofollow: %d", ERR(open("d/soft", O_NOFOLLOW)));
    list("d");
    SAY("rmdir: %d", ERR(rmdir("d")));
    SAY("rename: %d %d", rename("d/second", "third"), ERR(rename("d", "third")));
    SAY("rename below itself: %d", ERR(rename("d", "d/e")));
    SAY("unlink: %d %d", unlink("file"), ERR(unlink("d")));
    SAY("access: %d %d", access("third", R_OK | W_OK), ERR(access("none", F_OK)));
    SAY("utimensat: %d", utimensat(AT_FDCWD, "third", times, 0));
    stat("third", &status);
    SAY("times: %ld.%ld %ld.%ld", (long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec,
        status.st_mtim.tv_nsec);
    SAY("chmod: %d", chmod("third", 0604));
    show("changed", "third");
    unlink("third");
    fstat(fd, &status);
    SAY("unlinked but open: %d links, %zd", (int)status.st_nlink, pread(fd, text, 3, 0));
    snprintf(here, sizeof here, "/proc/self/fd/%d", fd);
    SAY("shown as deleted: %d", (int)readlink(here, text, sizeof text) > 10 && strstr(text, "(deleted)") != NULL);
    SAY("getdents on a file: %d, read on a folder: %d", ERR(syscall(SYS_getdents64, fd, text, 100)),
        ERR(read(open("d", O_RDONLY), text, 1)));
    other = openat(AT_FDCWD, "d", O_DIRECTORY | O_PATH);
    SAY("fstatat: %d, O_PATH read: %d", fstatat(other, "soft", &status, AT_SYMLINK_NOFOLLOW), ERR(read(other, text, 1)));
    SAY("unlinkat: %d", unlinkat(other, "soft", 0));
    SAY("rmdir: %d, then: %d", rmdir("d"), ERR(fstatat(other, ".", &status, 0)));
    SAY("loop: %d %d", symlink("self", "self"), ERR(open("self", O_RDONLY)));
    SAY("too long: %d", ERR(open("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", O_RDONLY)));
    unlink("self");
    SAY("O_TMPFILE: %zd", write(open(".", O_TMPFILE | O_RDWR, 0600), "x", 1));
    list(".");
    SAY("remove: %d, getcwd then: %d", rmdir(folder), ERR(getcwd(here, sizeof here) == NULL ? -1 : 0));
    SAY("create there: %d", ERR(open("x", O_CREAT | O_RDWR, 0600)));
    chdir("/");
}

static void descriptors(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), copy = dup(null), value;
    struct flock lock = {.l_type = F_WRLCK};
    SAY("flags: %d %d %o", fcntl(null, F_GETFD), fcntl(copy, F_GETFD), fcntl(null, F_GETFL) & (O_ACCMODE | O_APPEND));
    SAY("dup2: %d %d", dup2(null, 40), ERR(dup2(77, 41)));
    SAY("dup3 to itself: %d", ERR(dup3(null, null, 0)));
    SAY("F_DUPFD: %d %d", fcntl(null, F_DUPFD, 50), fcntl(null, F_DUPFD_CLOEXEC, 50));
    SAY("close_range: %ld %d", syscall(SYS_close_range, 40, 60, 0), ERR(fcntl(50, F_GETFD)));
    SAY("ioctl: %d %d", ERR(ioctl(null, TCGETS, text)), ERR(ioctl(99, FIONREAD, &value)));
    SAY("lock: %d", ERR(fcntl(null, F_SETLK, &lock)));
    SAY("bad: %d %d %d", ERR(read(99, text, 1)), ERR(close(99)), ERR(write(open("/etc/passwd", O_RDONLY), "x", 1)));
    SAY("zero: %zd %d, full: %d", read(open("/dev/zero", O_RDONLY), text, 9), text[3],
        ERR(write(open("/dev/full", O_WRONLY), "x", 1)));
    int memory = syscall(SYS_memfd_create, "name", 2);
    SAY("memfd: %zd, seal: %d, then: %d", write(memory, "data", 4), fcntl(memory, 1033, 8), ERR(write(memory, "x", 1)));
    SAY("sendfile: %zd", sendfile(null, memory, &(off_t){1}, 10));
    for (int fd = 3; fd < 100; fd++)
        close(fd);
}

static void *write_later(void *argument) {
    pause_ms(20);
    write(*(int *)argument, "late", 4);
    return NULL;
}

static void *drain_later(void *argument) {
    int fd = *(int *)argument;
    long total = 0;
    char *buffer = malloc(70000);
    while (total < 200000) {
        ssize_t count = read(fd, buffer, 70000);
        if (count <= 0)
            break;
        total += count;
    }
    free(buffer);
    return (void *)total;
}

static void *kick_later(void *argument) {
    pause_ms(20);
    pthread_kill(*(pthread_t *)argument, SIGUSR1);
    return NULL;
}

static void pipes(void) {
    int ends[2], value;
    pthread_t thread, self = pthread_self();
    void *result;
    SAY("pipe: %d, odd flags: %d", pipe2(ends, O_CLOEXEC), ERR(pipe2(ends, 1)));
    pthread_create(&thread, NULL, write_later, &ends[1]);
    SAY("blocking read: %zd", read(ends[0], text, 100));
    pthread_join(thread, NULL);
    SAY("size: %d, smaller: %d", fcntl(ends[0], F_GETPIPE_SZ), fcntl(ends[0], F_SETPIPE_SZ, 8192));
    pthread_create(&thread, NULL, drain_later, &ends[0]);
    char *much = calloc(1, 200000);
    SAY("blocking write: %zd", write(ends[1], much, 200000));
    pthread_join(thread, &result);
    SAY("drained: %ld", (long)result);
    handle(SIGUSR1, 0);
    pthread_create(&thread, NULL, kick_later, &self);
    SAY("interrupted read: %d", ERR(read(ends[0], text, 1)));
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, kick_later, &self);
    SAY("interrupted write: %zd", write(ends[1], much, 200000));
    pthread_join(thread, NULL);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    value = read(ends[0], much, 200000);
    SAY("there: %d, then: %d", value, ERR(read(ends[0], text, 1)));
    free(much);
    handle(SIGIO, 0);
    handle(SIGRTMIN + 3, 0);
    fcntl(ends[0], F_SETOWN, getpid());
    fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    caught = 0;
    write(ends[1], "x", 1);
    SAY("SIGIO: %d", caught == SIGIO);
    fcntl(ends[0], F_SETSIG, SIGRTMIN + 3);
    write(ends[1], "x", 1);
    SAY("F_SETSIG: %d, fd %d, code %d", caught == SIGRTMIN + 3, caught_fd == ends[0], caught_code);
    ioctl(ends[0], FIONREAD, &value);
    SAY("FIONREAD: %d", value);
    handle(SIGPIPE, 0);
    close(ends[0]);
    SAY("no reader: %d, signal %d", ERR(write(ends[1], "x", 1)), caught);
    close(ends[1]);
}

static void waiting(void) {
    int ends[2], event = eventfd(0, EFD_NONBLOCK), set = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t value = 5;
    pthread_t thread;
    struct epoll_event row = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, found[4];
    pipe(ends);
    SAY("epoll_ctl: %d %d", epoll_ctl(set, EPOLL_CTL_ADD, event, &row), ERR(epoll_ctl(set, EPOLL_CTL_ADD, event, &row)));
    SAY("a file in it: %d", ERR(epoll_ctl(set, EPOLL_CTL_ADD, open("/dev/null", O_RDWR), &row)));
    SAY("nothing: %d", epoll_wait(set, found, 4, 5));
    write(event, &value, 8);
    write(event, &value, 8);
    SAY("ready: %d", epoll_wait(set, found, 4, -1));
    SAY("with: %x %llx", found[0].events, (unsigned long long)found[0].data.u64);
    SAY("eventfd: %zd %d, then: %d", read(event, &value, 8), (int)value, ERR(read(event, &value, 8)));
    row.events = EPOLLIN | EPOLLET;
    row.data.u64 = 2;
    epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &row);
    pthread_create(&thread, NULL, write_later, &ends[1]);
    SAY("edge: %d", epoll_wait(set, found, 4, -1));
    SAY("once: %d", epoll_wait(set, found, 4, 0));
    pthread_join(thread, NULL);
    struct itimerspec spec = {{0, 3000000}, {0, 5000000}};
    SAY("timerfd: %d", timerfd_settime(timer, 0, &spec, NULL));
    struct pollfd rows[3] = {{timer, POLLIN, 7}, {ends[0], POLLIN | POLLOUT, 7}, {77, POLLIN, 7}};
    SAY("poll: %d, %x %x %x", poll(rows, 3, 0), rows[0].revents, rows[1].revents, rows[2].revents);
    SAY("ticks: %d, %x", poll(rows, 1, -1), rows[0].revents);
    pause_ms(4);
    SAY("several: %zd %d", read(timer, &value, 8), value >= 2);
    fd_set reads;
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    FD_SET(event, &reads);
    struct timeval patience = {0, 2000};
    SAY("select: %d %d %d", select(20, &reads, NULL, NULL, &patience), !!FD_ISSET(ends[0], &reads), !!FD_ISSET(event, &reads));
    FD_SET(event, &reads);
    FD_CLR(ends[0], &reads);
    SAY("select: %d, left %ld", select(20, &reads, NULL, NULL, &patience), (long)patience.tv_usec);
    struct timespec soon = {0, 1000000};
    SAY("ppoll: %d", ppoll(&rows[2], 0, &soon, NULL));
    handle(SIGUSR1, SA_RESTART);
    pthread_t self = pthread_self();
    pthread_create(&thread, NULL, kick_later, &self);
    SAY("poll is not restarted: %d", ERR(poll(NULL, 0, -1)));
    pthread_join(thread, NULL);
    close(ends[1]);
    SAY("hung up: %d", poll(&rows[1], 1, 0));
    read(ends[0], text, 100);
    SAY("and: %d %x", poll(&rows[1], 1, 0), rows[1].revents);
}

static void sockets(void) {
    int ends[2];
    char peek[8];
    SAY("socketpair: %d", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    SAY("send: %zd, peek: %zd, read: %zd", send(ends[0], "hello", 5, 0), recv(ends[1], peek, 3, MSG_PEEK),
        read(ends[1], text, 100));
    SAY("empty: %d", ERR(recv(ends[1], text, 1, MSG_DONTWAIT)));
    SAY("shutdown: %d, end: %zd", shutdown(ends[0], SHUT_WR), read(ends[1], text, 1));
    close(ends[0]);
    SAY("gone: %d", ERR(send(ends[1], "x", 1, MSG_NOSIGNAL)));
    SAY("datagrams: %d", socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    write(ends[0], "one", 3);
    write(ends[0], "two", 3);
    SAY("kept apart: %zd %zd", read(ends[1], text, 2), read(ends[1], text, 100));
    SAY("not a socket: %d", ERR(send(0, "x", 1, 0)));
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 4096);
    names_and_files();
    descriptors();
    pipes();
    waiting();
    sockets();
    return 0;
}
