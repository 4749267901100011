// STB_GNU_UNIQUE: one definition for the process, though both libraries are RTLD_LOCAL; its library never goes.
#include "behaviour.h"
#if defined(__arm__)
#define TYPE "%gnu_unique_object"
#else
#define TYPE "@gnu_unique_object"
#endif
//= liba.so cc=gcc
__asm__(".pushsection .data\n.globl only\n.type only," TYPE "\n.size only,4\n.balign 4\nonly: .long 1\n.popsection\n");
extern int only;
int *where(void) { return &only; }
__attribute__((destructor)) static void end(void) { SAY("a ends\n"); }
//= libb.so cc=gcc
__asm__(".pushsection .data\n.globl only\n.type only," TYPE "\n.size only,4\n.balign 4\nonly: .long 2\n.popsection\n");
extern int only;
int *where(void) { return &only; }
__attribute__((destructor)) static void end(void) { SAY("b ends\n"); }
//= main
int main(void) {
    void *a = must_open("./liba.so", RTLD_NOW), *b = must_open("./libb.so", RTLD_NOW);
    int *(*fa)(void) = dlsym(a, "where"), *(*fb)(void) = dlsym(b, "where");
    SAY("%d %d %d\n", *fa(), *fb(), fa() == fb());
    SAY("close %d %d\n", dlclose(a), dlclose(b));
    SAY("a stays %d, b stays %d\n", dlopen("./liba.so", RTLD_NOW | RTLD_NOLOAD) != 0, dlopen("./libb.so", RTLD_NOW | RTLD_NOLOAD) != 0);
}
