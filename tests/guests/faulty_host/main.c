/* faulty_host FUNCTION: calls one function of ../faulty by name. */
#include <dlfcn.h>
#include <stdio.h>

int add(int, int);

int main(int argc, char **argv) {
    void (*function)(int) = argc > 1 ? (void (*)(int))dlsym(RTLD_DEFAULT, argv[1]) : NULL;
    if (function == NULL) {
        fprintf(stderr, "usage: faulty_host FUNCTION\n");
        return 2;
    }
    printf("before %d\n", add(1, 2));
    fflush(stdout);
    function(3);
    printf("after\n");
    return 0;
}
