/* fenv.h: the floating-point status and the rounding mode, in the machine's own registers: MXCSR and the x87 words
 * (Intel SDM 1, 8.1 and 10.2.3), FPCR and FPSR (Arm ARM, D13), FPSCR (Arm ARM v7, B4.1.58). Soft-float code has neither.
 * The results of printf and strtod do not depend on the mode. */
#include "lib.h"

#if defined(__x86_64__)

enum { ALL = 0x3d, ROUNDING = 0xc00, MASKS_SHIFT = 7 };
typedef struct { uint32_t x87[7], mxcsr; } environment;

static uint32_t get_mxcsr(void) {
    uint32_t value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}
static void set_mxcsr(uint32_t value) { __asm__ volatile("ldmxcsr %0" : : "m"(value)); }
static uint16_t get_control(void) {
    uint16_t value;
    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}
static void set_control(uint16_t value) { __asm__ volatile("fldcw %0" : : "m"(value)); }
static uint16_t get_x87_status(void) {
    uint16_t value;
    __asm__ volatile("fnstsw %0" : "=m"(value));
    return value;
}
static unsigned get_flags(void) { return (get_mxcsr() | get_x87_status()) & ALL; }
static void set_flags(unsigned flags) {
    __asm__ volatile("fnclex");
    set_mxcsr((get_mxcsr() & ~(uint32_t)ALL) | flags);
}
static int get_mode(void) { return get_control() & ROUNDING; }
static void set_mode(int mode) {
    set_control((uint16_t)((get_control() & ~ROUNDING) | mode));
    set_mxcsr((get_mxcsr() & ~(uint32_t)(ROUNDING << 3)) | (uint32_t)mode << 3);
}
static unsigned get_traps(void) { return ~(get_mxcsr() >> MASKS_SHIFT) & ALL; }
static void set_traps(unsigned traps) {
    set_control((uint16_t)((get_control() | ALL) & ~traps));
    set_mxcsr((get_mxcsr() | ALL << MASKS_SHIFT) & ~(traps << MASKS_SHIFT));
}
static void save(environment *e) {
    __asm__ volatile("fnstenv %0\n\tfldenv %0" : "=m"(e->x87)); /* storing it masks all traps */
    e->mxcsr = get_mxcsr();
}
static void load(const environment *e) {
    __asm__ volatile("fldenv %0" : : "m"(e->x87));
    set_mxcsr(e->mxcsr);
}
static void load_default(void) {
    __asm__ volatile("fninit");
    set_mxcsr(0x1f80);
}

#elif defined(__aarch64__) || (defined(__ARM_FP) && !defined(__SOFTFP__))

enum { ALL = 0x1f, ROUNDING = 0xc00000, TRAPS_SHIFT = 8 };
#if defined(__aarch64__)
typedef struct { uint32_t control, status; } environment;
static uint32_t get_control(void) {
    uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return (uint32_t)value;
}
static void set_control(uint32_t value) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)value)); }
static uint32_t get_status(void) {
    uint64_t value;
    __asm__ volatile("mrs %0, fpsr" : "=r"(value));
    return (uint32_t)value;
}
static void set_status(uint32_t value) { __asm__ volatile("msr fpsr, %0" : : "r"((uint64_t)value)); }
static void save(environment *e) { *e = (environment){get_control(), get_status()}; }
static void load(const environment *e) {
    set_control(e->control);
    set_status(e->status);
}
static void load_default(void) { load(&(environment){0, 0}); }
#else
typedef struct { uint32_t word; } environment;
static uint32_t get_control(void) {
    uint32_t value;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(value));
    return value;
}
static void set_control(uint32_t value) { __asm__ volatile("vmsr fpscr, %0" : : "r"(value)); }
#define get_status get_control
#define set_status set_control
static void save(environment *e) { e->word = get_control(); }
static void load(const environment *e) { set_control(e->word); }
static void load_default(void) { set_control(0); }
#endif
static unsigned get_flags(void) { return get_status() & ALL; }
static void set_flags(unsigned flags) { set_status((get_status() & ~(uint32_t)ALL) | flags); }
static int get_mode(void) { return (int)(get_control() & ROUNDING); }
static void set_mode(int mode) { set_control((get_control() & ~(uint32_t)ROUNDING) | (uint32_t)mode); }
static unsigned get_traps(void) { return get_control() >> TRAPS_SHIFT & ALL; }
static void set_traps(unsigned traps) { set_control((get_control() & ~(uint32_t)(ALL << TRAPS_SHIFT)) | traps << TRAPS_SHIFT); }

#else

enum { ALL = 0x1f, ROUNDING = 0 };
typedef struct { uint32_t word; } environment;
static unsigned get_flags(void) { return 0; }
static void set_flags(unsigned flags) {}
static int get_mode(void) { return 0; }
static void set_mode(int mode) {}
static unsigned get_traps(void) { return 0; }
static void set_traps(unsigned traps) {}
static void save(environment *e) { e->word = 0; }
static void load(const environment *e) {}
static void load_default(void) {}

#endif

EXPORT int feclearexcept(int flags) {
    set_flags(get_flags() & ~(unsigned)flags & ALL);
    return 0;
}
EXPORT int feraiseexcept(int flags) {
    set_flags(get_flags() | ((unsigned)flags & ALL));
    return 0;
}
EXPORT int fetestexcept(int flags) { return (int)(get_flags() & (unsigned)flags); }
EXPORT int fegetexceptflag(void *to, int flags) {
    *(uint16_t *)to = (uint16_t)(get_flags() & (unsigned)flags);
    return 0;
}
EXPORT int fesetexceptflag(const void *from, int flags) {
    set_flags((get_flags() & ~(unsigned)flags) | (*(const uint16_t *)from & (unsigned)flags & ALL));
    return 0;
}
EXPORT int fegetround(void) { return get_mode(); }
EXPORT int fesetround(int mode) {
    if (mode & ~ROUNDING) return 1;
    set_mode(mode);
    return 0;
}
EXPORT int fegetenv(environment *e) {
    save(e);
    return 0;
}
/* FE_DFL_ENV is (fenv_t *)-1; FE_NOMASK_ENV -2, all traps on. */
EXPORT int fesetenv(const environment *e) {
    if ((uintptr_t)e >= (uintptr_t)-2) {
        load_default();
        if ((uintptr_t)e == (uintptr_t)-2) set_traps(ALL);
    } else {
        load(e);
    }
    return 0;
}
EXPORT int feholdexcept(environment *e) {
    save(e);
    set_traps(0);
    set_flags(0);
    return 0;
}
EXPORT int feupdateenv(const environment *e) {
    unsigned flags = get_flags();
    fesetenv(e);
    return feraiseexcept((int)flags);
}
EXPORT int fegetexcept(void) { return (int)get_traps(); }
EXPORT int feenableexcept(int traps) {
    unsigned old = get_traps();
    set_traps(old | ((unsigned)traps & ALL));
    return (int)old;
}
EXPORT int fedisableexcept(int traps) {
    unsigned old = get_traps();
    set_traps(old & ~(unsigned)traps);
    return (int)old;
}
