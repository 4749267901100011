// _Unwind_Backtrace as Rust's backtraces use it: through functions, a signal handler, another thread and a library's callback.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>
#include <unwind.h>

extern "C" {
#define FRAME __attribute__((noinline, noclone, visibility("default")))
struct Seen { int frames; bool outer, middle, comparer; };

static _Unwind_Reason_Code step(_Unwind_Context *context, void *data) {
    Seen *seen = (Seen *)data;
    Dl_info info;
    void *at = (void *)(_Unwind_GetIP(context) - 1);
    if (++seen->frames > 64) return _URC_END_OF_STACK;
    if (dladdr(at, &info) && info.dli_sname) {
        seen->outer = seen->outer || !strcmp(info.dli_sname, "outer_frame");
        seen->middle = seen->middle || !strcmp(info.dli_sname, "middle_frame");
        seen->comparer = seen->comparer || !strcmp(info.dli_sname, "compare");
    }
    return _URC_NO_REASON;
}
FRAME int inner_frame(Seen *seen) { _Unwind_Backtrace(step, seen); return seen->frames; }
FRAME int middle_frame(Seen *seen) { int n = inner_frame(seen); asm volatile("" ::: "memory"); return n; }
FRAME int outer_frame(Seen *seen) { int n = middle_frame(seen); asm volatile("" ::: "memory"); return n; }

static Seen *sorting;
FRAME int compare(const void *a, const void *b) {
    if (!sorting->frames) { _Unwind_Backtrace(step, sorting); }
    return *(const int *)a - *(const int *)b;
}
FRAME int sort_frame() { int list[3] = {3, 1, 2}; qsort(list, 3, sizeof *list, compare); asm volatile("" ::: "memory"); return list[0]; }
}

static void report(const char *name, const Seen &seen) {
    printf("%s: outer %d middle %d compare %d ends %d\n", name, seen.outer, seen.middle, seen.comparer, seen.frames > 2 && seen.frames < 64);
}

int main() {
    Seen plain{}, threaded{}, sorted{};
    outer_frame(&plain);
    report("plain", plain);
    std::thread([&] { outer_frame(&threaded); }).join();
    report("thread", threaded);
    sorting = &sorted;
    sort_frame();
    report("callback", sorted);
}
