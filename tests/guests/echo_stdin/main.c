/* Reads lines and numbers from standard input, writes to standard output and standard error; its exit status is the
 * number of lines modulo 100. Arguments and one environment variable are shown first. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    char line[200];
    int lines = 0;
    long sum = 0;
    for (int i = 1; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
    printf("variable: %s\n", getenv("ECHO_VARIABLE") ? getenv("ECHO_VARIABLE") : "(not set)");
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *end;
        lines++;
        line[strcspn(line, "\n")] = '\0';
        errno = 0;
        long number = strtol(line, &end, 0);
        if (end != line && *end == '\0' && errno == 0) {
            sum += number;
            printf("%4d: number %ld\n", lines, number);
            continue;
        }
        for (char *p = line; *p != '\0'; p++) *p = (char)toupper((unsigned char)*p);
        printf("%4d: %-10s|\n", lines, line);
    }
    printf("%d lines, sum %ld, end of file %d, error %d\n", lines, sum, feof(stdin) != 0, ferror(stdin));
    fprintf(stderr, "done\n");
    return lines % 100;
}
