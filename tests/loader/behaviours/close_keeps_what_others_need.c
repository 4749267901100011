// A dependency of two libraries goes with the second; one that was bound to by name stays as long as who bound to it.
#include "behaviour.h"
#define END(name) __attribute__((destructor)) static void end(void) { SAY(name " ends\n"); }
//= libshared.so
END("shared")
int shared(void) { return 1; }
//= liba.so needs=libshared.so -Wl,--no-as-needed
END("a")
//= libb.so needs=libshared.so -Wl,--no-as-needed
END("b")
//= libprovider.so
END("provider")
int provided(void) { return 2; }
//= libuser.so
END("user")
int provided(void) __attribute__((weak));
int (*pointer)(void) = provided;
int use(void) { return pointer(); }
//= main
int main(void) {
    void *a = must_open("./liba.so", RTLD_NOW), *b = must_open("./libb.so", RTLD_NOW);
    SAY("close a %d\n", dlclose(a));
    SAY("close b %d\n", dlclose(b));
    void *provider = must_open("./libprovider.so", RTLD_NOW | RTLD_GLOBAL), *user = must_open("./libuser.so", RTLD_NOW);
    SAY("close provider %d\n", dlclose(provider));
    SAY("%d\n", call(user, "use"));
    SAY("close user %d\n", dlclose(user));
}
