/* sys/mman.h. */
#include <stdarg.h>
#include "wide.h"

HIDDEN long em_mmap(void *address, size_t size, int protection, int flags, int fd, int64_t offset) {
#ifdef __NR_mmap2
    if (offset & 4095) return -EINVAL;
    return em_syscall(__NR_mmap2, address, size, protection, flags, fd, EM_L(offset >> 12));
#else
    return em_syscall(__NR_mmap, address, size, protection, flags, fd, offset);
#endif
}

EXPORT void *mmap64(void *address, size_t size, int protection, int flags, int fd, int64_t offset) {
    return (void *)em_result(em_mmap(address, size, protection, flags, fd, offset));
}
#if __SIZEOF_LONG__ == 8
ASM_ALIAS(mmap, mmap64);
ASM_ALIAS(__mmap, mmap64);
#else
/* glibc: fd and a 32-bit offset on the stack; musl: fd, padding, a 64-bit offset. */
EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset, long low, long high) {
    return mmap64(address, size, protection, flags, fd, em_wide_offsets() ? EM_JOIN(low, high) : offset);
}
ASM_ALIAS(__mmap, mmap);
#endif

EXPORT int munmap(void *address, size_t size) { return (int)em_syscall_errno(__NR_munmap, address, size); }
ASM_ALIAS(__munmap, munmap);
EXPORT int mprotect(void *address, size_t size, int protection) { return (int)em_syscall_errno(__NR_mprotect, address, size, protection); }
ASM_ALIAS(__mprotect, mprotect);
EXPORT void *mremap(void *address, size_t size, size_t wanted, int flags, ...) {
    va_list list;
    va_start(list, flags);
    void *to = va_arg(list, void *);
    va_end(list);
    return (void *)em_syscall_errno(__NR_mremap, address, size, wanted, flags, to);
}
EXPORT int madvise(void *address, size_t size, int advice) { return (int)em_syscall_errno(__NR_madvise, address, size, advice); }
EXPORT int posix_madvise(void *address, size_t size, int advice) {
    return advice == 4 ? 0 : (int)-em_syscall(__NR_madvise, address, size, advice);   /* POSIX_MADV_DONTNEED must keep the data */
}
EXPORT int msync(void *address, size_t size, int flags) { return (int)em_syscall_cp_errno(__NR_msync, address, size, flags); }
EXPORT int mlock(const void *address, size_t size) { return (int)em_syscall_errno(__NR_mlock, address, size); }
EXPORT int munlock(const void *address, size_t size) { return (int)em_syscall_errno(__NR_munlock, address, size); }
EXPORT int mlockall(int flags) { return (int)em_syscall_errno(__NR_mlockall, flags); }
EXPORT int munlockall(void) { return (int)em_syscall_errno(__NR_munlockall); }
EXPORT int mincore(void *address, size_t size, unsigned char *vector) { return (int)em_syscall_errno(__NR_mincore, address, size, vector); }

/* The heap's end. The kernel answers the new end, or the old one when it cannot move it. */
EXPORT int brk(void *end) {
    if ((void *)em_syscall(__NR_brk, end) == end) return 0;
    errno = ENOMEM;
    return -1;
}
EXPORT void *sbrk(intptr_t increment) {
    char *end = (char *)em_syscall(__NR_brk, 0);
    if (increment && (char *)em_syscall(__NR_brk, end + increment) != end + increment) {
        errno = ENOMEM;
        return (void *)-1;
    }
    return end;
}
EXPORT int shm_open(const char *name, int flags, unsigned mode) {
    char path[300] = "/dev/shm/";
    size_t n = 9;
    while (*name == '/') name++;
    for (; *name && n < sizeof path - 1; name++) path[n++] = *name;
    return (int)em_syscall_errno(__NR_openat, -100, path, flags | 02000000, mode);   /* O_CLOEXEC */
}
EXPORT int shm_unlink(const char *name) {
    char path[300] = "/dev/shm/";
    size_t n = 9;
    while (*name == '/') name++;
    for (; *name && n < sizeof path - 1; name++) path[n++] = *name;
    return (int)em_syscall_errno(__NR_unlinkat, -100, path, 0);
}
