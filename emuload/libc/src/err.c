/* err.h, error.h and assert.h: messages on stderr, and the end. */
#include "file.h"

int fprintf(FILE *restrict f, const char *restrict format, ...);
int vfprintf(FILE *restrict f, const char *restrict format, va_list arguments);
int fflush(FILE *f);
extern EXPORT char *program_invocation_name, *program_invocation_short_name;

/* "prog: message: error\n"; without_error is -1. */
static void message(const char *format, va_list arguments, int error) {
    lock_file(stderr);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    if (format) vfprintf(stderr, format, arguments);
    if (error >= 0) fprintf(stderr, format ? ": %s\n" : "%s\n", strerror(error));
    else fprintf(stderr, "\n");
    unlock_file(stderr);
}

EXPORT void vwarn(const char *format, va_list arguments) { message(format, arguments, errno); }
EXPORT void vwarnx(const char *format, va_list arguments) { message(format, arguments, -1); }
EXPORT NORETURN void verr(int status, const char *format, va_list arguments) {
    message(format, arguments, errno);
    exit(status);
}
EXPORT NORETURN void verrx(int status, const char *format, va_list arguments) {
    message(format, arguments, -1);
    exit(status);
}
EXPORT void warn(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarn(format, arguments);
    va_end(arguments);
}
EXPORT void warnx(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vwarnx(format, arguments);
    va_end(arguments);
}
EXPORT NORETURN void err(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    verr(status, format, arguments);
}
EXPORT NORETURN void errx(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    verrx(status, format, arguments);
}

/* -- error.h --------------------------------------------------------------------------------- */

EXPORT unsigned error_message_count;
EXPORT int error_one_per_line;
EXPORT void (*error_print_progname)(void);

static void error_text(int status, int number, const char *file, unsigned line, const char *format, va_list arguments) {
    fflush(stdout);
    lock_file(stderr);
    if (error_print_progname) error_print_progname();
    else fprintf(stderr, file ? "%s:" : "%s: ", program_invocation_name);
    if (file) fprintf(stderr, "%s:%u: ", file, line);
    vfprintf(stderr, format, arguments);
    if (number) fprintf(stderr, ": %s", strerror(number));
    fprintf(stderr, "\n");
    unlock_file(stderr);
    error_message_count++;
    if (status) exit(status);
}

EXPORT void error(int status, int number, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error_text(status, number, NULL, 0, format, arguments);
    va_end(arguments);
}

EXPORT void error_at_line(int status, int number, const char *file, unsigned line, const char *format, ...) {
    static const char *last_file;
    static unsigned last_line;
    if (error_one_per_line && last_line == line && file && last_file && !strcmp(file, last_file)) return;
    last_file = file;
    last_line = line;
    va_list arguments;
    va_start(arguments, format);
    error_text(status, number, file, line, format, arguments);
    va_end(arguments);
}

/* -- assert.h -------------------------------------------------------------------------------- */

EXPORT NORETURN void __assert_fail(const char *expression, const char *file, unsigned line, const char *function) {
    EM_EVENT(EM_ASSERT, expression, file, line, function);
    const char *name = program_invocation_short_name;
    fprintf(stderr, "%s%s%s:%u: %s%sAssertion `%s' failed.\n", name, *name ? ": " : "", file, line, function ? function : "",
            function ? ": " : "", expression);
    fflush(stderr);
    abort();
}
EXPORT NORETURN void __assert(const char *expression, const char *file, int line) {
    __assert_fail(expression, file, (unsigned)line, NULL);
}
EXPORT NORETURN void __assert_perror_fail(int number, const char *file, unsigned line, const char *function) {
    EM_EVENT(EM_ASSERT, strerror(number), file, line, function);
    const char *name = program_invocation_short_name;
    fprintf(stderr, "%s%s%s:%u: %s%sUnexpected error: %s.\n", name, *name ? ": " : "", file, line, function ? function : "",
            function ? ": " : "", strerror(number));
    fflush(stderr);
    abort();
}
