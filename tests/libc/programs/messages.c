/* err.h, assert.h, getopt's complaints, and wide output; ends in a failed assertion.
 * cc -w messages.c && ./a.out */
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static void check(int value) { assert(value > 1 && "too small"); }

int main(void) {
    dup2(1, 2);
    errno = EACCES;
    warn("%s %d", "warned", 1);
    warnx("without an %s", "error");
    errno = 0;
    wchar_t wide[40];
    int n = swprintf(wide, 40, L"%d %ls %s", 7, L"wide", "narrow");
    char narrow[40];
    wcstombs(narrow, wide, sizeof narrow);
    fprintf(stderr, "%d %s %d\n", n, narrow, (int)wcslen(wide));
    fprintf(stderr, "%d %d\n", fegetround() == FE_TONEAREST, (int)strtol("12", NULL, 10));
    char *list[] = {"prog", "-x", "-b", NULL};
    fprintf(stderr, "%c ", getopt(3, list, "b:"));
    fprintf(stderr, "%c\n", getopt(3, list, "b:"));
    check(1);
    return 0;
}
