// Exceptions that cross a library that was opened: from it, into it, through it, on several threads; then it is closed.
#include "across.h"
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

struct Guard { ~Guard() { puts("program: ~Guard"); } };
static void thrower(int number) {
    Guard guard;
    if (number > 5) throw Trouble("from the program", number);
    throw number;
}

int main(int, char **arguments) {
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return puts(dlerror()), 2;
    auto state = (const char *(*)())dlsym(library, "state");
    auto fail = (Callback)dlsym(library, "fail");
    auto call = (int (*)(Callback, int))dlsym(library, "call");
    auto in_thread = (int (*)(int))dlsym(library, "in_thread");
    puts(state());
    try { Guard guard; fail(4); } catch (const Trouble &t) { printf("%s %d\n", t.what(), t.number); }
    printf("into %d\n", call(thrower, 3));
    try { call(thrower, 9); } catch (const Trouble &t) { printf("through %s %d\n", t.what(), t.number); }
    std::thread([&] { try { call(thrower, 8); } catch (const std::exception &e) { printf("thread %s\n", e.what()); } }).join();
    printf("its thread %d\n", in_thread(6));
    printf("closed %d\n", dlclose(library));
    try { thrower(7); } catch (const std::exception &e) { printf("after %s\n", e.what()); }
    atexit([] { puts("atexit"); fflush(stdout); });
    return 0;
}
