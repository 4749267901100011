/* ARM: GNU's names for what zig's compiler runtime has under those of the run-time ABI only, division that raises SIGFPE for a
 * divisor of zero, as GNU's does on Linux (IHI 0043, 4.3.2; GCC config/arm/lib1funcs.S), and unaligned access.
 * All of them take floating-point values in core registers, whatever the ABI of the rest. */
#include <signal.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define BASE __attribute__((pcs("aapcs"))) EXPORT

/* -- floating point ----------------------------------------------------------------------------------------- */

#define ARITHMETIC(type, mode) \
    BASE type __add##mode##3(type a, type b) { return a + b; } \
    BASE type __sub##mode##3(type a, type b) { return a - b; } \
    BASE type __mul##mode##3(type a, type b) { return a * b; } \
    BASE type __div##mode##3(type a, type b) { return a / b; } \
    BASE type __neg##mode##2(type a) { return -a; } \
    BASE int32_t __fix##mode##si(type a) { return (int32_t)a; } \
    BASE int64_t __fix##mode##di(type a) { return (int64_t)a; } \
    BASE uint32_t __fixuns##mode##si(type a) { return (uint32_t)a; } \
    BASE uint64_t __fixuns##mode##di(type a) { return (uint64_t)a; } \
    BASE type __floatsi##mode(int32_t a) { return (type)a; } \
    BASE type __floatdi##mode(int64_t a) { return (type)a; } \
    BASE type __floatunsi##mode(uint32_t a) { return (type)a; } \
    BASE type __floatundi##mode(uint64_t a) { return (type)a; } \
    BASE int __eq##mode##2(type a, type b) { return a == b ? 0 : 1; } \
    BASE int __ne##mode##2(type a, type b) { return a == b ? 0 : 1; } \
    BASE int __le##mode##2(type a, type b) { return a < b ? -1 : a == b ? 0 : 1; } \
    BASE int __lt##mode##2(type a, type b) { return a < b ? -1 : a == b ? 0 : 1; } \
    BASE int __ge##mode##2(type a, type b) { return a > b ? 1 : a == b ? 0 : -1; } \
    BASE int __gt##mode##2(type a, type b) { return a > b ? 1 : a == b ? 0 : -1; } \
    BASE int __unord##mode##2(type a, type b) { return a != a || b != b; }

ARITHMETIC(double, df)
ARITHMETIC(float, sf)
BASE double __extendsfdf2(float a) { return a; }
BASE float __truncdfsf2(double a) { return (float)a; }

/* -- integers ----------------------------------------------------------------------------------------------- */

EXPORT int64_t __muldi3(int64_t a, int64_t b) { return a * b; }
EXPORT uint64_t __ashldi3(uint64_t a, int by) { return a << by; }
EXPORT int64_t __ashrdi3(int64_t a, int by) { return a >> by; }
EXPORT uint64_t __lshrdi3(uint64_t a, int by) { return a >> by; }
EXPORT int __aeabi_lcmp(int64_t a, int64_t b) { return a < b ? -1 : a > b; }
EXPORT int __aeabi_ulcmp(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

EXPORT __attribute__((weak)) int __aeabi_idiv0(int result) {
    raise(SIGFPE);
    return result;
}
EXPORT __attribute__((weak)) int64_t __aeabi_ldiv0(int64_t result) {
    raise(SIGFPE);
    return result;
}

/* The largest value of the dividend's sign: what a handler that returns makes of it. */
#define SIGNED_LIMIT(a, highest) ((a) > 0 ? (highest) : (a) < 0 ? -(highest) - 1 : 0)

int32_t __divmodsi4(int32_t, int32_t, int32_t *);
uint32_t __udivmodsi4(uint32_t, uint32_t, uint32_t *);
int64_t __divmoddi4(int64_t, int64_t, int64_t *);
uint64_t __udivmoddi4(uint64_t, uint64_t, uint64_t *);

static int32_t divide(int32_t a, int32_t b, int32_t *rest) {
    if (!b) return *rest = a, __aeabi_idiv0(SIGNED_LIMIT(a, INT32_MAX));
    return __divmodsi4(a, b, rest);
}
static uint32_t divide_unsigned(uint32_t a, uint32_t b, uint32_t *rest) {
    if (!b) return *rest = a, (uint32_t)__aeabi_idiv0(a ? -1 : 0);
    return __udivmodsi4(a, b, rest);
}
/* For two functions in results.S too, which return both results in registers. */
__attribute__((visibility("hidden"))) int64_t __emu_divide_long(int64_t a, int64_t b, int64_t *rest) {
    if (!b) return *rest = a, __aeabi_ldiv0(SIGNED_LIMIT(a, INT64_MAX));
    return __divmoddi4(a, b, rest);
}
__attribute__((visibility("hidden"))) uint64_t __emu_divide_unsigned_long(uint64_t a, uint64_t b, uint64_t *rest) {
    if (!b) return *rest = a, (uint64_t)__aeabi_ldiv0(a ? -1 : 0);
    return __udivmoddi4(a, b, rest);
}

EXPORT int32_t __divsi3(int32_t a, int32_t b) { int32_t rest; return divide(a, b, &rest); }
EXPORT int32_t __modsi3(int32_t a, int32_t b) { int32_t rest; divide(a, b, &rest); return rest; }
EXPORT uint32_t __udivsi3(uint32_t a, uint32_t b) { uint32_t rest; return divide_unsigned(a, b, &rest); }
EXPORT uint32_t __umodsi3(uint32_t a, uint32_t b) { uint32_t rest; divide_unsigned(a, b, &rest); return rest; }
EXPORT int64_t __divdi3(int64_t a, int64_t b) { int64_t rest; return __emu_divide_long(a, b, &rest); }
EXPORT int64_t __moddi3(int64_t a, int64_t b) { int64_t rest; __emu_divide_long(a, b, &rest); return rest; }
EXPORT uint64_t __udivdi3(uint64_t a, uint64_t b) { uint64_t rest; return __emu_divide_unsigned_long(a, b, &rest); }
EXPORT uint64_t __umoddi3(uint64_t a, uint64_t b) { uint64_t rest; __emu_divide_unsigned_long(a, b, &rest); return rest; }
EXPORT int32_t __aeabi_idiv(int32_t a, int32_t b) { return __divsi3(a, b); }
EXPORT uint32_t __aeabi_uidiv(uint32_t a, uint32_t b) { return __udivsi3(a, b); }
/* Quotient in r0, remainder in r1. */
EXPORT uint64_t __aeabi_idivmod(int32_t a, int32_t b) {
    int32_t rest, quotient = divide(a, b, &rest);
    return (uint64_t)(uint32_t)rest << 32 | (uint32_t)quotient;
}
EXPORT uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b) {
    uint32_t rest, quotient = divide_unsigned(a, b, &rest);
    return (uint64_t)rest << 32 | quotient;
}

/* -- unaligned access ---------------------------------------------------------------------------------------- */

struct __attribute__((packed)) word { uint32_t value; };
struct __attribute__((packed)) pair { uint64_t value; };
EXPORT uint32_t __aeabi_uread4(const void *at) { return ((const struct word *)at)->value; }
EXPORT uint64_t __aeabi_uread8(const void *at) { return ((const struct pair *)at)->value; }
EXPORT uint32_t __aeabi_uwrite4(uint32_t value, void *at) { return ((struct word *)at)->value = value; }
EXPORT uint64_t __aeabi_uwrite8(uint64_t value, void *at) { return ((struct pair *)at)->value = value; }
