// Two names of one file are one library, by symbolic link and by hard link.
#include "behaviour.h"
//= hardlink libhard.so libx.so
//= symlink libsoft.so libx.so
//= main
int main(void) {
    void *x = must_open("./libx.so", RTLD_NOW), *hard = must_open("./libhard.so", RTLD_NOW), *bare = must_open("libhard.so", RTLD_NOW);
    SAY("%d %d\n", x == hard, x == bare);
}
//= libx.so
int x;
