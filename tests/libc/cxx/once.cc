// std::call_once whose function throws the first time: the next call runs it again.
#include <cstdio>
#include <mutex>

int main() {
    std::once_flag flag;
    int attempts = 0;
    for (int i = 0; i < 4; i++) {
        try { std::call_once(flag, [&] { if (++attempts < 3) throw attempts; }); puts("passed"); }
        catch (int n) { printf("threw %d\n", n); }
    }
    printf("attempts %d\n", attempts);
}
