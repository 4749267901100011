/* Waiting for descriptors: poll.h, sys/select.h, sys/epoll.h. */
#include <asm/unistd.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "timeconv.h"

static int wait_poll(struct pollfd *fds, nfds_t count, const struct em_ts64 *limit, const sigset_t *mask) {
    struct em_ts64 copy;
    if (limit) copy = *limit;   /* the kernel writes back what is left */
    long r = em_syscall_cp(EM_NR64_TIME(ppoll), fds, count, limit ? &copy : 0, mask, 8);
#if __SIZEOF_LONG__ == 4
    if (r == -ENOSYS) {
        struct em_ts32 narrow;
        if (limit) em_ts_out(&narrow, 0, limit);
        r = em_syscall_cp(__NR_ppoll, fds, count, limit ? &narrow : 0, mask, 8);
    }
#endif
    return (int)em_result(r);
}
EXPORT int poll(struct pollfd *fds, nfds_t count, int milliseconds) {
    struct em_ts64 limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    return wait_poll(fds, count, milliseconds < 0 ? 0 : &limit, 0);
}
ASM_ALIAS(__poll, poll);
EM_TIMED(int, ppoll, __ppoll64, __ppoll_time64, (struct pollfd *fds, nfds_t count, const struct timespec *limit, const sigset_t *mask),
         { return wait_poll(fds, count, EM_TS(limit), mask); })

static long wait_select(int count, fd_set *in, fd_set *out, fd_set *error, struct em_ts64 *limit, const sigset_t *mask) {
    struct { const void *mask; size_t size; } masked = {mask, 8};
    long r = em_syscall_cp(EM_NR64_TIME(pselect6), count, in, out, error, limit, &masked);
#if __SIZEOF_LONG__ == 4
    if (r == -ENOSYS) {
        struct em_ts32 narrow = {0, 0};
        if (limit) em_ts_out(&narrow, 0, limit);
        r = em_syscall_cp(__NR_pselect6, count, in, out, error, limit ? &narrow : 0, &masked);
        if (limit) *limit = (struct em_ts64){narrow.sec, narrow.nsec};
    }
#endif
    return r;
}
EM_TIMED(int, select, __select64, __select_time64, (int count, fd_set *in, fd_set *out, fd_set *error, struct timeval *limit), {
    struct em_ts64 left = {0, 0};
    if (limit) {
        left = *EM_TV(limit);
        left.sec += left.nsec / 1000000000;   /* a timeval's microseconds may exceed a second here */
        left.nsec %= 1000000000;
    }
    long r = wait_select(count, in, out, error, limit ? &left : 0, 0);
    if (limit && (r >= 0 || r == -EINTR)) em_tv_out(limit, wide, &left);
    return (int)em_result(r);
})
EM_TIMED(int, pselect, __pselect64, __pselect_time64,
         (int count, fd_set *in, fd_set *out, fd_set *error, const struct timespec *limit, const sigset_t *mask), {
             struct em_ts64 copy = {0, 0};
             if (limit) copy = *EM_TS(limit);
             return (int)em_result(wait_select(count, in, out, error, limit ? &copy : 0, mask));
         })
EXPORT long __fdelt_chk(long fd) {
    if (fd < 0 || fd >= FD_SETSIZE) em_fatal("*** bit out of range 0 - FD_SETSIZE on fd_set ***: terminated\n");
    return fd / (8 * (long)sizeof(long));
}
ASM_ALIAS(__fdelt_warn, __fdelt_chk);

EXPORT int epoll_create1(int flags) { return (int)em_syscall_errno(__NR_epoll_create1, flags); }
EXPORT int epoll_create(int size) {
    if (size > 0) return epoll_create1(0);
    errno = EINVAL;
    return -1;
}
EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    return (int)em_syscall_errno(__NR_epoll_ctl, epoll, operation, fd, event);
}
EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int milliseconds, const sigset_t *mask) {
    return (int)em_syscall_cp_errno(__NR_epoll_pwait, epoll, events, count, milliseconds, mask, 8);
}
EXPORT int epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds) { return epoll_pwait(epoll, events, count, milliseconds, 0); }
