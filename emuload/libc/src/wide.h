/* 64-bit arguments, by name and in system calls. */
#ifndef EMULOAD_WIDE_H
#define EMULOAD_WIDE_H
#include "internal.h"
#include <asm/unistd.h>

/* A 64-bit system-call argument: on ARM an even-odd register pair (EABI), so that an odd position is skipped first. */
#if __SIZEOF_LONG__ == 8
#define EM_64(x) (x)
#define EM_PAD64(x) (x)
#else
#define EM_64(x) (long)(uint64_t)(x), (long)((uint64_t)(x) >> 32)
#define EM_PAD64(x) 0, (long)(uint64_t)(x), (long)((uint64_t)(x) >> 32)
#endif

#define EM_JOIN(low, high) ((int64_t)((uint64_t)(uint32_t)(low) | (uint64_t)(high) << 32))
static inline int em_wide_offsets(void) { return (em_process.flags & EM_WIDE_OFFSETS) != 0; }

/* One system call under two names where off_t makes no difference to its arguments. */
#ifdef __NR_getuid32
#define EM_NR_ID(name) __NR_##name##32
#else
#define EM_NR_ID(name) __NR_##name
#endif
#endif
