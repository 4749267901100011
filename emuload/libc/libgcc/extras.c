/* What GNU's libgcc_s.so.1 has and LLVM's unwinder and zig's compiler runtime lack (GCC internals, "The GCC low-level runtime
 * library"), and the registration of unwind tables in GNU's way: LLVM's __register_frame takes a single entry, GNU's a whole
 * .eh_frame section that ends in a zero word. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

/* -- integers: the -ftrapv family and the count of redundant sign bits ------------------------------------- */

#define TRAPPING(name, type, operation) \
    EXPORT type name(type a, type b) { \
        type result; \
        if (operation(a, b, &result)) abort(); \
        return result; \
    }
#define REDUNDANT_SIGN_BITS(name, type, count, width) \
    EXPORT int name(type a) { \
        a = a < 0 ? ~a : a; \
        return a ? count(a) - 1 : width - 1; \
    }

TRAPPING(__mulvdi3, int64_t, __builtin_mul_overflow)
REDUNDANT_SIGN_BITS(__clrsbsi2, int32_t, __builtin_clz, 32)
REDUNDANT_SIGN_BITS(__clrsbdi2, int64_t, __builtin_clzll, 64)

#if defined(__SIZEOF_INT128__)
typedef __int128 wide;
static int leading_zeros(wide a) {
    uint64_t high = (uint64_t)((unsigned __int128)a >> 64);
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)a);
}
TRAPPING(__addvti3, wide, __builtin_add_overflow)
TRAPPING(__subvti3, wide, __builtin_sub_overflow)
TRAPPING(__mulvti3, wide, __builtin_mul_overflow)
REDUNDANT_SIGN_BITS(__clrsbti2, wide, leading_zeros, 128)
#endif

/* -- unwind tables that a program registers itself ---------------------------------------------------------- */

#if !defined(__arm__)
#include <pthread.h>

void __unw_add_dynamic_eh_frame_section(uintptr_t section);
void __unw_remove_dynamic_eh_frame_section(uintptr_t section);

/* Kept in the caller's struct object, which is larger (GCC's crtstuff.c: eight words). */
struct registered { const void *begin; struct registered *next; };
static struct registered *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int empty(const void *begin) { return !begin || !*(const uint32_t *)begin; }

static void remember(const void *begin, void *object) {
    struct registered *entry = object;
    pthread_mutex_lock(&lock);
    entry->begin = begin;
    entry->next = all;
    all = entry;
    pthread_mutex_unlock(&lock);
}

static void *forget(const void *begin) {
    struct registered *entry = NULL;
    pthread_mutex_lock(&lock);
    for (struct registered **link = &all; *link; link = &(*link)->next) {
        if ((*link)->begin != begin) continue;
        entry = *link;
        *link = entry->next;
        break;
    }
    pthread_mutex_unlock(&lock);
    return entry;
}

EXPORT void __register_frame_info(const void *begin, void *object) {
    if (empty(begin)) return;
    remember(begin, object);
    __unw_add_dynamic_eh_frame_section((uintptr_t)begin);
}

EXPORT void __register_frame_info_bases(const void *begin, void *object, void *text, void *data) {
    (void)text, (void)data;   /* for encodings relative to them, which no Linux compiler writes */
    __register_frame_info(begin, object);
}

EXPORT void *__deregister_frame_info(const void *begin) {
    if (empty(begin)) return NULL;
    __unw_remove_dynamic_eh_frame_section((uintptr_t)begin);
    return forget(begin);
}

EXPORT void *__deregister_frame_info_bases(const void *begin) { return __deregister_frame_info(begin); }

EXPORT void __register_frame(void *begin) {
    if (!empty(begin)) __unw_add_dynamic_eh_frame_section((uintptr_t)begin);
}

EXPORT void __deregister_frame(void *begin) {
    if (!empty(begin)) __unw_remove_dynamic_eh_frame_section((uintptr_t)begin);
}

/* A list of sections that ends in a null pointer. */
EXPORT void __register_frame_table(void *begin) {
    for (void **section = begin; *section; section++) __register_frame(*section);
}

EXPORT void __register_frame_info_table(void *begin, void *object) {
    remember(begin, object);
    __register_frame_table(begin);
}

EXPORT void __register_frame_info_table_bases(void *begin, void *object, void *text, void *data) {
    (void)text, (void)data;
    __register_frame_info_table(begin, object);
}
#endif
