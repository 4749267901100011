// The library of across.cc: globals with constructors and destructors, and frames that exceptions cross.
#include "across.h"
#include <cstdio>
#include <thread>

struct Global { std::string text{"constructed"}; ~Global() { puts("library: ~Global"); fflush(stdout); } } global;
struct Guard { ~Guard() { puts("library: ~Guard"); } };
struct Local { int n = 0; ~Local() { printf("library: ~Local %d\n", n); } };
static thread_local Local local;

extern "C" const char *state() { return global.text.c_str(); }
extern "C" void fail(int number) { Guard guard; throw Trouble("from the library", number); }
extern "C" int call(Callback callback, int number) {
    Guard guard;
    try { callback(number); }
    catch (const Trouble &) { throw; }
    catch (int n) { return n; }
    return 0;
}
extern "C" int in_thread(int number) {
    int result = 0;
    std::thread thread([&] {
        local.n = number;
        try { fail(number); } catch (const Trouble &trouble) { result = trouble.number; }
    });
    thread.join();
    return result;
}
