/* Error and signal numbers in words: strerror, strsignal and related functions. The English texts are those a Linux
 * program shows its user (C locale); the ones of signals follow signal(7)'s list. */
#include "lib.h"

int snprintf(char *restrict to, size_t size, const char *restrict format, ...);

static const char *const error_texts[] = {
    [0] = "Success",
    [EPERM] = "Operation not permitted",
    [ENOENT] = "No such file or directory",
    [ESRCH] = "No such process",
    [EINTR] = "Interrupted system call",
    [EIO] = "Input/output error",
    [ENXIO] = "No such device or address",
    [E2BIG] = "Argument list too long",
    [ENOEXEC] = "Exec format error",
    [EBADF] = "Bad file descriptor",
    [ECHILD] = "No child processes",
    [EAGAIN] = "Resource temporarily unavailable",
    [ENOMEM] = "Cannot allocate memory",
    [EACCES] = "Permission denied",
    [EFAULT] = "Bad address",
    [ENOTBLK] = "Block device required",
    [EBUSY] = "Device or resource busy",
    [EEXIST] = "File exists",
    [EXDEV] = "Invalid cross-device link",
    [ENODEV] = "No such device",
    [ENOTDIR] = "Not a directory",
    [EISDIR] = "Is a directory",
    [EINVAL] = "Invalid argument",
    [ENFILE] = "Too many open files in system",
    [EMFILE] = "Too many open files",
    [ENOTTY] = "Inappropriate ioctl for device",
    [ETXTBSY] = "Text file busy",
    [EFBIG] = "File too large",
    [ENOSPC] = "No space left on device",
    [ESPIPE] = "Illegal seek",
    [EROFS] = "Read-only file system",
    [EMLINK] = "Too many links",
    [EPIPE] = "Broken pipe",
    [EDOM] = "Numerical argument out of domain",
    [ERANGE] = "Numerical result out of range",
    [EDEADLK] = "Resource deadlock avoided",
    [ENAMETOOLONG] = "File name too long",
    [ENOLCK] = "No locks available",
    [ENOSYS] = "Function not implemented",
    [ENOTEMPTY] = "Directory not empty",
    [ELOOP] = "Too many levels of symbolic links",
    [ENOMSG] = "No message of desired type",
    [EIDRM] = "Identifier removed",
    [ECHRNG] = "Channel number out of range",
    [EL2NSYNC] = "Level 2 not synchronized",
    [EL3HLT] = "Level 3 halted",
    [EL3RST] = "Level 3 reset",
    [ELNRNG] = "Link number out of range",
    [EUNATCH] = "Protocol driver not attached",
    [ENOCSI] = "No CSI structure available",
    [EL2HLT] = "Level 2 halted",
    [EBADE] = "Invalid exchange",
    [EBADR] = "Invalid request descriptor",
    [EXFULL] = "Exchange full",
    [ENOANO] = "No anode",
    [EBADRQC] = "Invalid request code",
    [EBADSLT] = "Invalid slot",
    [EBFONT] = "Bad font file format",
    [ENOSTR] = "Device not a stream",
    [ENODATA] = "No data available",
    [ETIME] = "Timer expired",
    [ENOSR] = "Out of streams resources",
    [ENONET] = "Machine is not on the network",
    [ENOPKG] = "Package not installed",
    [EREMOTE] = "Object is remote",
    [ENOLINK] = "Link has been severed",
    [EADV] = "Advertise error",
    [ESRMNT] = "Srmount error",
    [ECOMM] = "Communication error on send",
    [EPROTO] = "Protocol error",
    [EMULTIHOP] = "Multihop attempted",
    [EDOTDOT] = "RFS specific error",
    [EBADMSG] = "Bad message",
    [EOVERFLOW] = "Value too large for defined data type",
    [ENOTUNIQ] = "Name not unique on network",
    [EBADFD] = "File descriptor in bad state",
    [EREMCHG] = "Remote address changed",
    [ELIBACC] = "Can not access a needed shared library",
    [ELIBBAD] = "Accessing a corrupted shared library",
    [ELIBSCN] = ".lib section in a.out corrupted",
    [ELIBMAX] = "Attempting to link in too many shared libraries",
    [ELIBEXEC] = "Cannot exec a shared library directly",
    [EILSEQ] = "Invalid or incomplete multibyte or wide character",
    [ERESTART] = "Interrupted system call should be restarted",
    [ESTRPIPE] = "Streams pipe error",
    [EUSERS] = "Too many users",
    [ENOTSOCK] = "Socket operation on non-socket",
    [EDESTADDRREQ] = "Destination address required",
    [EMSGSIZE] = "Message too long",
    [EPROTOTYPE] = "Protocol wrong type for socket",
    [ENOPROTOOPT] = "Protocol not available",
    [EPROTONOSUPPORT] = "Protocol not supported",
    [ESOCKTNOSUPPORT] = "Socket type not supported",
    [EOPNOTSUPP] = "Operation not supported",
    [EPFNOSUPPORT] = "Protocol family not supported",
    [EAFNOSUPPORT] = "Address family not supported by protocol",
    [EADDRINUSE] = "Address already in use",
    [EADDRNOTAVAIL] = "Cannot assign requested address",
    [ENETDOWN] = "Network is down",
    [ENETUNREACH] = "Network is unreachable",
    [ENETRESET] = "Network dropped connection on reset",
    [ECONNABORTED] = "Software caused connection abort",
    [ECONNRESET] = "Connection reset by peer",
    [ENOBUFS] = "No buffer space available",
    [EISCONN] = "Transport endpoint is already connected",
    [ENOTCONN] = "Transport endpoint is not connected",
    [ESHUTDOWN] = "Cannot send after transport endpoint shutdown",
    [ETOOMANYREFS] = "Too many references: cannot splice",
    [ETIMEDOUT] = "Connection timed out",
    [ECONNREFUSED] = "Connection refused",
    [EHOSTDOWN] = "Host is down",
    [EHOSTUNREACH] = "No route to host",
    [EALREADY] = "Operation already in progress",
    [EINPROGRESS] = "Operation now in progress",
    [ESTALE] = "Stale file handle",
    [EUCLEAN] = "Structure needs cleaning",
    [ENOTNAM] = "Not a XENIX named type file",
    [ENAVAIL] = "No XENIX semaphores available",
    [EISNAM] = "Is a named type file",
    [EREMOTEIO] = "Remote I/O error",
    [EDQUOT] = "Disk quota exceeded",
    [ENOMEDIUM] = "No medium found",
    [EMEDIUMTYPE] = "Wrong medium type",
    [ECANCELED] = "Operation canceled",
    [ENOKEY] = "Required key not available",
    [EKEYEXPIRED] = "Key has expired",
    [EKEYREVOKED] = "Key has been revoked",
    [EKEYREJECTED] = "Key was rejected by service",
    [EOWNERDEAD] = "Owner died",
    [ENOTRECOVERABLE] = "State not recoverable",
    [ERFKILL] = "Operation not possible due to RF-kill",
    [EHWPOISON] = "Memory page has hardware error",
};

static const struct { const char *name, *text; } signals[32] = {
    [1] = {"HUP", "Hangup"},
    [2] = {"INT", "Interrupt"},
    [3] = {"QUIT", "Quit"},
    [4] = {"ILL", "Illegal instruction"},
    [5] = {"TRAP", "Trace/breakpoint trap"},
    [6] = {"ABRT", "Aborted"},
    [7] = {"BUS", "Bus error"},
    [8] = {"FPE", "Floating point exception"},
    [9] = {"KILL", "Killed"},
    [10] = {"USR1", "User defined signal 1"},
    [11] = {"SEGV", "Segmentation fault"},
    [12] = {"USR2", "User defined signal 2"},
    [13] = {"PIPE", "Broken pipe"},
    [14] = {"ALRM", "Alarm clock"},
    [15] = {"TERM", "Terminated"},
    [16] = {"STKFLT", "Stack fault"},
    [17] = {"CHLD", "Child exited"},
    [18] = {"CONT", "Continued"},
    [19] = {"STOP", "Stopped (signal)"},
    [20] = {"TSTP", "Stopped"},
    [21] = {"TTIN", "Stopped (tty input)"},
    [22] = {"TTOU", "Stopped (tty output)"},
    [23] = {"URG", "Urgent I/O condition"},
    [24] = {"XCPU", "CPU time limit exceeded"},
    [25] = {"XFSZ", "File size limit exceeded"},
    [26] = {"VTALRM", "Virtual timer expired"},
    [27] = {"PROF", "Profiling timer expired"},
    [28] = {"WINCH", "Window changed"},
    [29] = {"POLL", "I/O possible"},
    [30] = {"PWR", "Power failure"},
    [31] = {"SYS", "Bad system call"},
};

HIDDEN const char *emu_error_text(int number) {
    unsigned count = sizeof error_texts / sizeof *error_texts;
    return (unsigned)number < count ? error_texts[number] : NULL;
}

static const char *error_text_or(int number, char *buffer, size_t size) {
    const char *text = emu_error_text(number);
    if (text) return text;
    snprintf(buffer, size, "Unknown error %d", number);
    return buffer;
}

EXPORT char *strerror(int number) {
    static char unknown[32];
    return (char *)error_text_or(number, unknown, sizeof unknown);
}
EXPORT char *strerror_l(int number, void *locale) {
    (void)locale;
    return strerror(number);
}

/* GNU: the text, in the caller's buffer only when it is not a constant. */
EXPORT char *strerror_r(int number, char *buffer, size_t size) {
    return (char *)error_text_or(number, buffer, size);
}
ALSO(__strerror_r, strerror_r);

/* POSIX: always into the buffer; an error number is returned. */
EXPORT int __xpg_strerror_r(int number, char *buffer, size_t size) {
    char unknown[32];
    const char *text = error_text_or(number, unknown, sizeof unknown);
    size_t length = strlen(text), copied = length < size ? length : size ? size - 1 : 0;
    memcpy(buffer, text, copied);
    if (size) buffer[copied] = 0;
    return text == unknown ? EINVAL : copied < length ? ERANGE : 0;
}

EXPORT const char *strerrordesc_np(int number) { return emu_error_text(number); }

EXPORT const char *sigdescr_np(int number) { return (unsigned)number < 32 ? signals[number].text : NULL; }
EXPORT const char *sigabbrev_np(int number) { return (unsigned)number < 32 ? signals[number].name : NULL; }

EXPORT char *strsignal(int number) {
    static char other[40];
    const char *text = sigdescr_np(number);
    if (text) return (char *)text;
    if (number >= 34 && number <= 64) snprintf(other, sizeof other, "Real-time signal %d", number - 34);
    else snprintf(other, sizeof other, "Unknown signal %d", number);
    return other;
}

HIDDEN NORETURN void emu_fortify_fail(void) { em_fatal("*** buffer overflow detected ***: terminated\n"); }
EXPORT NORETURN void __chk_fail(void) { emu_fortify_fail(); }
