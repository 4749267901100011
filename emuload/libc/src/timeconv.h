/* Time structures in both widths. On 32-bit ABIs every function that takes a timespec, timeval or
 * time_t exists three times: by its plain name (32-bit time_t), by glibc's name for 64-bit time_t
 * and by musl's (glibc include/time.h, musl include/time.h under _REDIR_TIME64). */
#ifndef EMULOAD_TIMECONV_H
#define EMULOAD_TIMECONV_H

#include "internal.h"

struct em_tv32 { int32_t sec, usec; };
struct em_user_ts64 { int64_t sec; long nsec; } __attribute__((aligned(8)));
struct em_user_tv64 { int64_t sec; long usec; } __attribute__((aligned(8)));   /* glibc's usec is 64 bits wide: its high half is 0 */

/* Defines name, and on 32-bit ABIs its two 64-bit names (EM_TIMED1: where they are one). The body may use `wide`: the time
 * structures of this name are 64-bit. */
#if __SIZEOF_LONG__ == 8
#define EM_TIMED(ret, name, glibc64, musl64, params, ...) EXPORT ret name params { enum { wide = 1 }; __VA_ARGS__ }
#define EM_TIMED1(ret, name, name64, params, ...) EXPORT ret name params { enum { wide = 1 }; __VA_ARGS__ }
#else
#define EM_TIMED(ret, name, glibc64, musl64, params, ...) \
    EXPORT ret name params { enum { wide = 0 }; __VA_ARGS__ } \
    EXPORT ret glibc64 params; \
    EXPORT ret glibc64 params { enum { wide = 1 }; __VA_ARGS__ } \
    EXPORT __typeof(glibc64) musl64 ALIAS(glibc64);
#define EM_TIMED1(ret, name, name64, params, ...) \
    EXPORT ret name params { enum { wide = 0 }; __VA_ARGS__ } \
    EXPORT ret name64 params; \
    EXPORT ret name64 params { enum { wide = 1 }; __VA_ARGS__ }
#endif

static inline const struct em_ts64 *em_ts_in(const void *from, int wide, struct em_ts64 *to) {
    if (!from) return 0;
    if (wide) {
        const struct em_user_ts64 *t = from;
        to->sec = t->sec;
        to->nsec = t->nsec;
    } else {
        const struct em_ts32 *t = from;
        to->sec = t->sec;
        to->nsec = t->nsec;
    }
    return to;
}
#define EM_TS(from) em_ts_in(from, wide, &(struct em_ts64){0, 0})

static inline void em_ts_out(void *to, int wide, const struct em_ts64 *from) {
    if (!to) return;
    if (wide) {
        struct em_user_ts64 *t = to;
        t->sec = from->sec;
        *(int64_t *)&t->nsec = from->nsec;
    } else {
        struct em_ts32 *t = to;
        t->sec = (int32_t)from->sec;
        t->nsec = (int32_t)from->nsec;
    }
}

/* A timeval as a timespec. */
static inline const struct em_ts64 *em_tv_in(const void *from, int wide, struct em_ts64 *to) {
    if (!em_ts_in(from, wide, to)) return 0;
    to->nsec *= 1000;
    return to;
}
#define EM_TV(from) em_tv_in(from, wide, &(struct em_ts64){0, 0})

static inline void em_tv_out(void *to, int wide, const struct em_ts64 *from) {
    struct em_ts64 t = {from->sec, from->nsec / 1000};
    em_ts_out(to, wide, &t);
}

static inline int em_ts_bad(const struct em_ts64 *t) { return t->nsec < 0 || t->nsec >= 1000000000; }

/* System calls that take a timespec are only used in their 64-bit form. */
#if __SIZEOF_LONG__ == 8
#define EM_NR64(name) __NR_##name
#define EM_NR64_TIME(name) __NR_##name
#else
#define EM_NR64(name) __NR_##name##64
#define EM_NR64_TIME(name) __NR_##name##_time64
#endif

#endif
