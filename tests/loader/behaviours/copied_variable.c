// COPY: a program at fixed addresses has the library's variable itself, and the library uses the program's.
#include "behaviour.h"
//= libx.so
int number = 5;
const char *const words[2] = {"one", "two"};
int *where(void) { return &number; }
const char *const *those(void) { return words; }
//= main needs=libx.so cc=gcc -no-pie -fno-pie
extern int number;
extern const char *const words[2];
int *where(void);
const char *const *those(void);
int main(void) {
    number++;
    SAY("%d %d\n", *where(), &number == where());
    SAY("%s %s %d\n", words[0], words[1], words == those());
}
