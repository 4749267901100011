/* stdio.h's streams on files, memory and pipes; the same on every architecture. Writes in the current folder.
 * cc -w streams.c && ./a.out */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[10000];

int main(void) {
    chdir("/tmp");
    for (unsigned i = 0; i < sizeof block; i++) block[i] = (char)(i % 50 == 49 ? '\n' : 'a' + i % 23);
    FILE *f = fopen("streams.tmp", "w+");
    printf("%zu %ld ", fwrite(block, 1, sizeof block, f), ftell(f));
    fseek(f, 100, SEEK_SET);
    char line[200];
    printf("%s%ld ", fgets(line, sizeof line, f), ftell(f));
    printf("%d %d %d %ld ", ungetc('Z', f), fgetc(f), fgetc(f), ftell(f));
    fseek(f, -10, SEEK_END);
    printf("%zu %d %d\n", fread(line, 1, 100, f), feof(f) != 0, fgetc(f));
    clearerr(f), rewind(f);
    fputs("REPLACED", f), fflush(f), rewind(f);
    fpos_t place;
    fgets(line, 20, f), fgetpos(f, &place), printf("%s ", line);
    fgets(line, 10, f), printf("%s ", line);
    fsetpos(f, &place), fgets(line, 10, f), printf("%s %lld\n", line, (long long)ftello(f));
    fclose(f);
    f = fopen("streams.tmp", "a");
    fprintf(f, "%s", "appended"), fclose(f);
    f = fopen("streams.tmp", "r");
    fseeko(f, -12, SEEK_END);
    printf("%s ", fgets(line, sizeof line, f));
    printf("%d %d ", fputc('x', f), ferror(f) != 0);
    fclose(f);
    printf("%d %d %d\n", remove("streams.tmp"), remove("streams.tmp"), errno);
    printf("%p %d %p %d\n", fopen("/no/file", "r"), errno, fopen("x", "z"), errno);

    int ends[2];
    pipe(ends);
    FILE *out = fdopen(ends[1], "w"), *in = fdopen(ends[0], "r");
    fprintf(out, "through a pipe\nsecond line\nlast"), fclose(out);
    char *text = NULL;
    size_t room = 0;
    while (getline(&text, &room, in) > 0) printf("<%s>", text);
    printf(" %d\n", feof(in) != 0);
    fclose(in), free(text);

    char memory[40] = "in memory 42";
    int number = 0;
    f = fmemopen(memory, sizeof memory, "r+");
    printf("%d %d ", fscanf(f, "in memory %d", &number), number);
    rewind(f), fprintf(f, "ON"), fclose(f);
    printf("%s\n", memory);
    size_t size = 0;
    f = open_memstream(&text, &size);
    for (int i = 0; i < 200; i++) fprintf(f, "%d,", i);
    fclose(f);
    printf("%zu %zu %.20s\n", size, strlen(text), text);
    free(text);

    char name[] = "/tmp/nameXXXXXX", real[4096];
    int fd = mkstemp(name);
    f = fdopen(fd, "w+");
    printf("%d %d %d ", fd >= 0, strcmp(name, "/tmp/nameXXXXXX") != 0, f != NULL);
    printf("%s\n", strcmp(realpath("/tmp/../tmp/./", real), "/tmp") ? real : "real");
    fclose(f), unlink(name);
    f = tmpfile();
    fputs("temporary", f), rewind(f);
    printf("%s\n", fgets(line, sizeof line, f));
    fclose(f);
    f = freopen("/dev/null", "w", stderr);
    fprintf(stderr, "not seen"), printf("%d\n", f == stderr);
    setvbuf(stdout, NULL, _IOFBF, 64);
    fwrite(block, 1, 149, stdout);
    fclose(stdout);
    return 0;
}
