/* sys/socket.h: the calls alone; the kernel says that there is no network. */
#include <asm/unistd.h>
#include "internal.h"

EXPORT int socket(int family, int type, int protocol) { return (int)em_syscall_errno(__NR_socket, family, type, protocol); }
EXPORT int socketpair(int family, int type, int protocol, int fds[2]) { return (int)em_syscall_errno(__NR_socketpair, family, type, protocol, fds); }
EXPORT int bind(int fd, const void *address, unsigned size) { return (int)em_syscall_errno(__NR_bind, fd, address, size); }
EXPORT int listen(int fd, int backlog) { return (int)em_syscall_errno(__NR_listen, fd, backlog); }
EXPORT int connect(int fd, const void *address, unsigned size) { return (int)em_syscall_cp_errno(__NR_connect, fd, address, size); }
EXPORT int accept4(int fd, void *address, unsigned *size, int flags) { return (int)em_syscall_cp_errno(__NR_accept4, fd, address, size, flags); }
EXPORT int accept(int fd, void *address, unsigned *size) { return accept4(fd, address, size, 0); }
EXPORT int getsockname(int fd, void *address, unsigned *size) { return (int)em_syscall_errno(__NR_getsockname, fd, address, size); }
EXPORT int getpeername(int fd, void *address, unsigned *size) { return (int)em_syscall_errno(__NR_getpeername, fd, address, size); }
EXPORT int setsockopt(int fd, int level, int name, const void *value, unsigned size) { return (int)em_syscall_errno(__NR_setsockopt, fd, level, name, value, size); }
EXPORT int getsockopt(int fd, int level, int name, void *value, unsigned *size) { return (int)em_syscall_errno(__NR_getsockopt, fd, level, name, value, size); }
EXPORT int shutdown(int fd, int how) { return (int)em_syscall_errno(__NR_shutdown, fd, how); }
EXPORT long sendto(int fd, const void *data, size_t size, int flags, const void *address, unsigned length) {
    return em_syscall_cp_errno(__NR_sendto, fd, data, size, flags, address, length);
}
EXPORT long recvfrom(int fd, void *data, size_t size, int flags, void *address, unsigned *length) {
    return em_syscall_cp_errno(__NR_recvfrom, fd, data, size, flags, address, length);
}
EXPORT long send(int fd, const void *data, size_t size, int flags) { return sendto(fd, data, size, flags, 0, 0); }
EXPORT long recv(int fd, void *data, size_t size, int flags) { return recvfrom(fd, data, size, flags, 0, 0); }
EXPORT long sendmsg(int fd, const void *message, int flags) { return em_syscall_cp_errno(__NR_sendmsg, fd, message, flags); }
EXPORT long recvmsg(int fd, void *message, int flags) { return em_syscall_cp_errno(__NR_recvmsg, fd, message, flags); }
EXPORT uint16_t htons(uint16_t x) { return __builtin_bswap16(x); }
EXPORT uint32_t htonl(uint32_t x) { return __builtin_bswap32(x); }
ASM_ALIAS(ntohs, htons);
ASM_ALIAS(ntohl, htonl);
