/* stdio.h's streams against the host's: the same random operations on two files, on memory and on a recorded channel. */
#include "oracle.h"
#include <fcntl.h>
#include <unistd.h>


static struct functions {
    __typeof(&fopen) fopen; __typeof(&fclose) fclose; __typeof(&fflush) fflush; __typeof(&fread) fread; __typeof(&fwrite) fwrite; __typeof(&fgetc) fgetc;
    __typeof(&fputc) fputc; __typeof(&fgets) fgets; __typeof(&fputs) fputs; __typeof(&ungetc) ungetc; __typeof(&getline) getline; __typeof(&getdelim) getdelim;
    __typeof(&fseek) fseek; __typeof(&ftell) ftell; __typeof(&rewind) rewind; __typeof(&feof) feof; __typeof(&ferror) ferror; __typeof(&clearerr) clearerr;
    __typeof(&fprintf) fprintf; __typeof(&setvbuf) setvbuf; __typeof(&fopencookie) fopencookie; __typeof(&fmemopen) fmemopen; __typeof(&open_memstream) open_memstream;
    __typeof(&fdopen) fdopen; __typeof(&freopen) freopen; __typeof(&fileno) fileno; __typeof(&fscanf) fscanf; __typeof(&free) free;
} mine, host = {fopen, fclose, fflush, fread, fwrite, fgetc, fputc, fgets, fputs, ungetc, getline, getdelim, fseek, ftell, rewind, feof, ferror, clearerr, fprintf, setvbuf,
                fopencookie, fmemopen, open_memstream, fdopen, freopen, fileno, fscanf, free};

static void load(void) {
#define LOAD(name) mine.name = (__typeof(mine.name))symbol(#name)
    LOAD(fopen); LOAD(fclose); LOAD(fflush); LOAD(fread); LOAD(fwrite); LOAD(fgetc); LOAD(fputc); LOAD(fgets); LOAD(fputs); LOAD(ungetc); LOAD(getline); LOAD(getdelim);
    LOAD(fseek); LOAD(ftell); LOAD(rewind); LOAD(feof); LOAD(ferror); LOAD(clearerr); LOAD(fprintf); LOAD(setvbuf); LOAD(fopencookie); LOAD(fmemopen); LOAD(open_memstream);
    LOAD(fdopen); LOAD(freopen); LOAD(fileno); LOAD(free);
    mine.fscanf = (__typeof(mine.fscanf))symbol("__isoc99_fscanf");
}

/* A log of everything a run of operations shows. */
static char logs[2][1 << 20];
static int used[2];
static void note(int who, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    used[who] += vsnprintf(logs[who] + used[who], sizeof logs[who] - used[who] - 1, format, arguments);
    va_end(arguments);
    if (used[who] > (int)sizeof logs[who] - 20000) used[who] = sizeof logs[who] - 20000;
}
static void compare(const char *what, uint64_t seed) {
    checks++;
    if (!strcmp(logs[0], logs[1])) return;
    int at = 0;
    while (logs[0][at] == logs[1][at]) at++;
    int from = at > 150 ? at - 150 : 0;
    differ("%s, seed %llu, at %d:\n  %.300s\n  %.300s", what, (unsigned long long)seed, at, logs[0] + from, logs[1] + from);
}

static char data[20000];

enum last { NOTHING, READ, WRITE };

static void operate(int who, const struct functions *f, FILE *file, int steps, int can_read, int can_write, int can_seek) {
    enum last last = NOTHING;
    char buffer[9000];
    char *line = NULL;
    size_t room = 0;
    for (int i = 0; i < steps; i++) {
        int op = random_below(15), n = random_below(random_below(4) ? 60 : 9000), pushed = random_below(256), at = random_below(9000);
        if (op < 6 && (!can_read || (last == WRITE && !can_seek))) continue;
        if (op >= 6 && op < 10 && (!can_write || (last == READ && !can_seek))) continue;
        if ((op < 6 && last == WRITE) || (op >= 6 && op < 10 && last == READ)) note(who, "s%d ", f->fseek(file, 0, SEEK_CUR));
        if (op < 6) last = READ;
        else if (op < 10) last = WRITE;
        int limit = n + 2;
        switch (op) {
        case 0: { size_t got = f->fread(buffer, 1, n, file); unsigned sum = 0; for (size_t k = 0; k < got; k++) sum = sum * 31 + (unsigned char)buffer[k]; note(who, "r%d=%zu:%u ", n, got, sum); break; }
        case 1: note(who, "c%d ", f->fgetc(file)); break;
        case 2: { char *s = f->fgets(buffer, limit, file); note(who, "g%d=%.20s:%zu ", limit, s ? s : "(null)", s ? strlen(s) : 0); break; }
        case 3: { ssize_t got = f->getline(&line, &room, file); note(who, "l%zd ", got); break; }
        case 4: note(who, "u%d ", f->ungetc(pushed, file)); note(who, "c%d ", f->fgetc(file)); break;
        case 5: { int got = f->ungetc(pushed, file); n += 3; note(who, "u%d ", got); size_t size = f->fread(buffer, 3, n / 3, file); note(who, "r%zu:%d ", size, n > 3 && size ? buffer[0] : 0); break; }
        case 6: note(who, "w%zu ", f->fwrite(data + at, 1, n, file)); break;
        case 7: note(who, "p%d ", f->fputc(pushed, file)); break;
        case 8: note(who, "P%d ", f->fputs("some text\nand a line", file) >= 0); break;
        case 9: note(who, "f%d ", f->fprintf(file, "%d %s %*d\n", at, "formatted", n % 50, pushed)); break;
        case 10: if (can_seek) { int whence = pushed % 3; long offset = whence == 0 ? at : whence == 1 ? n - 30 : -(n % 100); note(who, "S%d ", f->fseek(file, offset, whence)); last = NOTHING; } break;
        case 11: if (can_seek) note(who, "t%ld ", f->ftell(file)); break;
        case 12: if (last == WRITE || (can_seek && last == NOTHING)) { note(who, "F%d ", f->fflush(file)); } break;
        case 13: note(who, "e%d%d ", !!f->feof(file), !!f->ferror(file)); if (pushed % 4 == 0) f->clearerr(file); break;
        case 14: if (can_seek && pushed % 8 == 0) { f->rewind(file); last = NOTHING; } break;
        }
    }
    f->free(line);
}

static void files(int rounds) {
    static const char *modes[] = {"r", "r+", "w", "w+", "a", "a+"};
    for (int round = 0; round < rounds; round++) {
        uint64_t seed = random_state;
        used[0] = used[1] = 0;
        memset(logs[0], 0, 64), memset(logs[1], 0, 64);
        int mode = random_below(6), buffering = random_below(6), size = 1 + random_below(300), length = random_below(3) ? random_below(12000) : random_below(100);
        static const char *names[] = {"mine.tmp", "host.tmp"};
        uint64_t start = random_state;
        for (int who = 0; who < 2; who++) {
            const struct functions *f = who ? &host : &mine;
            random_state = start;
            int fd = open(names[who], O_CREAT | O_TRUNC | O_WRONLY, 0600);
            write(fd, data, length), close(fd);
            FILE *file = f->fopen(names[who], modes[mode]);
            static char own[400];
            if (buffering == 0) note(who, "v%d ", f->setvbuf(file, NULL, _IONBF, 0));
            if (buffering == 1) note(who, "v%d ", f->setvbuf(file, NULL, _IOLBF, 0));
            if (buffering == 2) note(who, "v%d ", f->setvbuf(file, own, _IOFBF, size));
            operate(who, f, file, 40, mode != 2 && mode != 4, mode != 0, 1);
            note(who, "x%d", f->fclose(file));
            static char content[200000];
            fd = open(names[who], O_RDONLY);
            ssize_t n = read(fd, content, sizeof content);
            unsigned sum = 0;
            for (ssize_t k = 0; k < n; k++) sum = sum * 31 + (unsigned char)content[k];
            note(who, " %zd:%u", n, sum), close(fd);
        }
        char what[60];
        sprintf(what, "mode %s, buffering %d, %d bytes", modes[mode], buffering, length);
        compare(what, seed);
    }
}

/* What a stream writes, and in which pieces. */
static int channel;
static ssize_t record(void *cookie, const char *bytes, size_t size) {
    note(channel, "[%zu:%02x]", size, (unsigned char)bytes[0]);
    return size;
}
static void pieces(int rounds) {
    for (int round = 0; round < rounds; round++) {
        uint64_t seed = random_state;
        int buffering = random_below(3), size = 2 + random_below(400);
        used[0] = used[1] = 0;
        uint64_t start = random_state;
        for (channel = 0; channel < 2; channel++) {
            const struct functions *f = channel ? &host : &mine;
            random_state = start;
            static char own[2][500];
            FILE *file = f->fopencookie(NULL, "w", (cookie_io_functions_t){NULL, record, NULL, NULL});
            f->setvbuf(file, own[channel], (int[]){_IOFBF, _IOLBF, _IONBF}[buffering], size);
            for (int i = 0; i < 30; i++) {
                int n = random_below(random_below(3) ? 40 : 1500), c = random_below(2) ? '\n' : 'x';
                switch (random_below(4)) {
                case 0: f->fwrite(data + n, 1, n, file); break;
                case 1: f->fputc(c, file); break;
                case 2: f->fputs(c == 'x' ? "a line\n" : "no end", file); break;
                case 3: if (buffering != 1 && size >= 128) f->fprintf(file, "%*d\n", n % 20, n); break;
                }
                note(channel, ".");
            }
            f->fclose(file);
        }
        compare(buffering == 0 ? "pieces, full" : buffering == 1 ? "pieces, lines" : "pieces, none", seed);
    }
}

static void memories(int rounds) {
    static const char *modes[] = {"r", "r+", "w", "w+", "a", "a+"};
    for (int round = 0; round < rounds; round++) {
        uint64_t seed = random_state;
        used[0] = used[1] = 0;
        int mode = random_below(6), size = 190 + random_below(110);
        uint64_t start = random_state;
        for (int who = 0; who < 2; who++) {
            const struct functions *f = who ? &host : &mine;
            random_state = start;
            char memory[400];
            memset(memory, 'm', sizeof memory);
            memory[size / 2] = 0;
            FILE *file = f->fmemopen(memory, size, modes[mode]);
            char buffer[300];
            for (int i = 0; i < 6; i++) {
                int n = random_below(60), k = random_below(3);
                if (mode != 0 && k == 0 && i < 3) note(who, "w%zu F%d ", f->fwrite(data, 1, n, file), f->fflush(file));
                if (mode != 2 && mode != 4 && k == 1) { f->fseek(file, 0, SEEK_CUR); note(who, "r%zu ", f->fread(buffer, 1, n, file)); f->fseek(file, 0, SEEK_CUR); }
                if (k == 2) note(who, "S%d ", f->fseek(file, n % (size + 1), SEEK_SET));
                note(who, "t%ld ", f->ftell(file));
            }
            note(who, "x%d", f->fclose(file));
            for (int i = 0; i < 400; i += 1) note(who, "%02x", (unsigned char)memory[i]);
            char *text = NULL;
            size_t length = 0;
            file = f->open_memstream(&text, &length);
            for (int i = 0; i < 8; i++) {
                int n = random_below(400);
                if (random_below(3)) f->fwrite(data, 1, n, file);
                else note(who, "S%d ", f->fseek(file, n, SEEK_SET));
                if (random_below(2)) f->fflush(file), note(who, "%zu ", length);
            }
            f->fclose(file);
            unsigned sum = 0;
            for (size_t k = 0; k <= length; k++) sum = sum * 31 + (unsigned char)text[k];
            note(who, " %zu:%u", length, sum);
        }
        compare(modes[mode], seed);
    }
}

static void odd(void) {
    for (int who = 0; who < 2; who++) {
        const struct functions *f = who ? &host : &mine;
        used[who] = 0;
        int ends[2];
        pipe(ends);
        FILE *out = f->fdopen(ends[1], "w"), *in = f->fdopen(ends[0], "r");
        f->fprintf(out, "12 34 word %s\n", "rest");
        f->fflush(out);
        int a = 0, b = 0;
        char text[20] = "";
        note(who, "%d ", f->fscanf(in, "%d %d %19s", &a, &b, text));
        note(who, "%d %d %s %d ", a, b, text, f->fgetc(in));
        note(who, "%ld %d ", f->ftell(in), errno);
        f->fclose(out);
        char line[50];
        note(who, "%s", f->fgets(line, 50, in) ? line : "-");
        note(who, "%d %d %d ", f->fgetc(in), f->feof(in), f->fgetc(in));
        errno = 0;
        note(who, "%d %d %d ", f->fputc('x', in), errno, !!f->ferror(in));
        f->fclose(in);
        note(who, "%p %d ", (void *)f->fopen("/nonexistent/file", "r"), errno);
        note(who, "%p %d ", (void *)f->fopen("x", "q"), errno);
        note(who, "%p %d ", (void *)f->fdopen(999, "r"), errno);
        FILE *file = f->fopen("odd.tmp", "w+x");
        if (!file) note(who, "exists "), unlink("odd.tmp"), file = f->fopen("odd.tmp", "w+xe");
        note(who, "%d ", fcntl(f->fileno(file), F_GETFD));
        f->fputs("abc", file);
        file = f->freopen("odd.tmp", "a+", file);
        f->fputs("def", file);
        note(who, "%ld ", f->ftell(file));
        f->rewind(file);
        note(who, "%s ", f->fgets(line, 50, file));
        f->fclose(file);
        unlink("odd.tmp");
    }
    compare("odd", 0);
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    load();
    char folder[] = "/tmp/streams.XXXXXX";
    chdir(mkdtemp(folder));
    for (unsigned i = 0; i < sizeof data; i++) data[i] = random_below(20) ? "abcdefghij 123"[random_below(14)] : '\n';
    int rounds = argc > 2 ? atoi(argv[2]) : 2000;
    files(rounds);
    pieces(rounds);
    memories(rounds);
    odd();
    unlink("mine.tmp"), unlink("host.tmp"), chdir("/"), rmdir(folder);
    return report();
}
