/* unistd.h, fcntl.h, poll.h, sys/stat.h, dirent.h, sys/mman.h: descriptors and files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), fflush(stdout))

/* Arguments are evaluated in no fixed order: errno is looked at in here, after the call. */
static int fails(long result, int error) { return result == -1 && errno == error; }

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void regular(void) {
    char text[100] = "";
    mkdir("/tmp/emuload-test", 0755);
    SAY("chdir: %d", chdir("/tmp/emuload-test"));
    SAY(" %d\n", strcmp(getcwd(text, sizeof text), "/tmp/emuload-test"));
    int fd = open("a", O_RDWR | O_CREAT | O_TRUNC, 0640);
    SAY("open: %d", fd >= 0);
    SAY(" write %d\n", (int)write(fd, "hello, world", 12));
    SAY("lseek: %d", (int)lseek(fd, 7, SEEK_SET));
    SAY(" %d", (int)read(fd, text, 50));
    text[5] = 0;
    SAY(" %s end %d\n", text, (int)lseek(fd, 0, SEEK_END));
    SAY("pwrite: %d", (int)pwrite(fd, "H", 1, 0));
    memset(text, 0, sizeof text);
    SAY(" pread %d", (int)pread(fd, text, 5, 0));
    SAY(" %s\n", text);
    struct iovec v[2] = {{"ab", 2}, {"cde", 3}};
    SAY("writev: %d", (int)writev(fd, v, 2));
    struct stat st;
    SAY(" fstat %d", fstat(fd, &st));
    SAY(" size %d mode %o regular %d links %d\n", (int)st.st_size, (unsigned)(st.st_mode & 0777), S_ISREG(st.st_mode), (int)st.st_nlink);
    SAY("ftruncate: %d", ftruncate(fd, 100000));
    stat("a", &st);
    SAY(" %d blocks of 512 at least 0: %d\n", (int)st.st_size, st.st_blocks >= 0);
    char *map = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    SAY("mmap: %.5s", map == MAP_FAILED ? "?" : map);
    SAY(", unmap %d\n", munmap(map, 4096));
    SAY("bad fd: %d\n", fails(read(999, text, 1), EBADF));
    SAY("none: %d\n", fails(open("none", O_RDONLY), ENOENT));
    SAY("exclusive: %d\n", fails(open("a", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST));
    close(fd);
    SAY("rename: %d", rename("a", "b"));
    SAY(" access %d %d\n", access("b", R_OK), access("a", F_OK));
    SAY("symlink: %d", symlink("b", "link"));
    memset(text, 0, sizeof text);
    SAY(" readlink %d", (int)readlink("link", text, sizeof text));
    lstat("link", &st);
    SAY(" %s %d\n", text, S_ISLNK(st.st_mode));
    mkdir("sub", 0700);
    SAY("unlink a folder: %d\n", unlink("sub"));
    struct dirent **names;
    int n = scandir(".", &names, 0, by_name);
    SAY("scandir: %d:", n);
    for (int i = 0; i < n; i++) SAY(" %s", names[i]->d_name);
    int count = 0;
    DIR *d = opendir("/tmp/emuload-test");
    for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
    SAY("; readdir %d", count);
    rewinddir(d);
    SAY(" again %d", readdir(d) != 0);
    SAY(" close %d\n", closedir(d));
    unlink("b");
    unlink("link");
    rmdir("sub");
    chdir("/");
    SAY("rmdir: %d\n", rmdir("/tmp/emuload-test"));
}

static void descriptors(void) {
    int p[2], other;
    char c[8] = "";
    SAY("pipe: %d", pipe2(p, O_CLOEXEC | O_NONBLOCK));
    SAY(" flags %d %d", fcntl(p[0], F_GETFD) == FD_CLOEXEC, !!(fcntl(p[0], F_GETFL) & O_NONBLOCK));
    SAY(" empty %d\n", fails(read(p[0], c, 1), EAGAIN));
    other = dup(p[1]);
    SAY("dup: %d", (int)write(other, "xyz", 3));
    SAY(" dup2 %d", dup2(other, 50));
    SAY(" same %d", dup2(50, 50));
    SAY(" bad %d", fails(dup2(777, 51), EBADF));
    SAY(" F_DUPFD %d\n", fcntl(p[0], F_DUPFD, 60));
    struct pollfd f[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
    SAY("poll: %d", poll(f, 2, 0));
    SAY(" %d %d", f[0].revents == POLLIN, f[1].revents == POLLOUT);
    fd_set in;
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    struct timeval t = {0, 1000};
    SAY(" select %d", select(p[0] + 1, &in, 0, 0, &t));
    SAY(" %d", FD_ISSET(p[0], &in) != 0);
    read(p[0], c, 8);
    SAY(" %s then %d", c, poll(f, 1, 5));
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    struct timespec soon = {0, 1000000};
    SAY(" %d\n", pselect(p[0] + 1, &in, 0, 0, &soon, 0));
    int e = epoll_create1(0), event = eventfd(3, 0);
    struct epoll_event ev = {EPOLLIN, {.u64 = 0x1122334455667788}}, got[4];
    SAY("epoll: %d", epoll_ctl(e, EPOLL_CTL_ADD, event, &ev));
    SAY(" wait %d", epoll_wait(e, got, 4, 100));
    SAY(" %d", got[0].data.u64 == 0x1122334455667788);
    eventfd_t value;
    SAY(" eventfd %d", eventfd_read(event, &value));
    SAY(" %d", (int)value);
    SAY(" then %d\n", epoll_wait(e, got, 4, 1));
    SAY("isatty: %d %d\n", isatty(p[0]), isatty(999));
    int s[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && write(s[0], "s", 1) == 1) SAY("socketpair: %d\n", (int)read(s[1], c, 1));
    else SAY("socketpair: 1\n");
}

static void memory(void) {
    char *m = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m[0] = 1;
    m[3 * 4096 - 1] = 2;
    SAY("mmap: %d protect %d", m != MAP_FAILED, mprotect(m + 4096, 4096, PROT_NONE));
    char *bigger = mremap(m, 4096, 4 * 4096, MREMAP_MAYMOVE);
    SAY(" remap %d", bigger != MAP_FAILED && bigger[0] == 1);
    bigger[4 * 4096 - 1] = 3;
    SAY(" unmap %d", munmap(bigger, 4 * 4096));
    void *bad = mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SAY(" nothing %d\n", bad == MAP_FAILED && errno == EINVAL);
    char *brk0 = sbrk(0);
    SAY("sbrk: %d", sbrk(8192) == brk0);
    brk0[5000] = 1;
    SAY(" %d\n", sbrk(-8192) == brk0 + 8192);
}

static void identity(void) {
    struct utsname u;
    SAY("uname: %d", uname(&u));
    SAY(" %s\n", u.sysname);
    SAY("pid: %d %d, tid is pid %d\n", getpid() > 0, getpid() == getpid(), gettid() == getpid());
    SAY("ids: %d %d\n", getuid() == geteuid(), getgid() == getegid());
    SAY("page: %d %d\n", getpagesize(), (int)sysconf(_SC_PAGESIZE));
    SAY("sysconf: %d %d %d %d\n", sysconf(_SC_NPROCESSORS_ONLN) >= 1, (int)sysconf(_SC_CLK_TCK), sysconf(_SC_OPEN_MAX) > 0, (int)sysconf(12345));
    struct rlimit l;
    SAY("rlimit: %d", getrlimit(RLIMIT_STACK, &l));
    SAY(" %d\n", l.rlim_cur >= 65536);
    unsigned char random[16] = {0};
    int any = 0;
    SAY("getentropy: %d", getentropy(random, 16));
    for (int i = 0; i < 16; i++) any |= random[i];
    SAY(" %d\n", any != 0);
    char host[65];
    SAY("gethostname: %d\n", gethostname(host, sizeof host));
    SAY("syscall: %d %d\n", fails(syscall(999999L), ENOSYS), fails(syscall(0x454D0000L), ENOSYS));
}

int main(void) {
    regular();
    descriptors();
    memory();
    identity();
    return 0;
}
