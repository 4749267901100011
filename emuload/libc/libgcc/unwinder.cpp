/* LLVM's libunwind, from ziglang's copy, with two things told to it.
 *
 * How this C library finds an object's unwind tables: without a lock, as GNU's unwinder does it (glibc elf/dl-find_object.c,
 * sysdeps/arm/find_exidx.c).
 *
 * That a frame interrupted by a signal is at the instruction itself and not behind a call: what the table says from this very
 * address on holds for it (GCC unwind-dw2.c, execute_cfa_program). At the step out of that frame _isSignalFrame is still that of
 * the step before. */
#include <dlfcn.h>

#if defined(__arm__)
typedef unsigned long _Unwind_Ptr;   // bionic's link.h has this name
extern "C" _Unwind_Ptr __gnu_Unwind_Find_exidx(_Unwind_Ptr pc, int *count);
#define _LIBUNWIND_USE_DL_UNWIND_FIND_EXIDX 1
#define dl_unwind_find_exidx __gnu_Unwind_Find_exidx
#else
#define dlsym(handle, name) reinterpret_cast<void *>(_dl_find_object)
#endif

#include "libunwind.h"
#include "config.h"
#include "AddressSpace.hpp"
#include "DwarfInstructions.hpp"
#define stepWithDwarf(space, pc, ...) stepWithDwarf(space, (pc) + (_isSignalFrame ? 1 : 0), __VA_ARGS__)

#include "libunwind.cpp"
