/* The host program that the real dynamic linkers run for the loader's tests: steps_host SCRIPT
 *
 * SCRIPT has a line for each process; libraries write letters to file 9 as their constructors and destructors run. A line
 * is steps separated by semicolons, each answered on file 9, with a comma behind it:
 *     open NAME FLAGS     dlopen; when it fails, ! and the error
 *     close STEP          dlclose what a step opened
 *     sym STEP NAME       where dlsym finds it, as FILE+OFFSET; STEP -1: RTLD_DEFAULT
 *     word STEP NAME N    what the word N bytes behind a symbol of the library points to, likewise
 * or it is `link NAME NAME …`: libraries loaded at start in front of the program's own. The program writes a semicolon
 * before it ends, and a newline after each process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text) {
    if (write(9, text, strlen(text)) < 0) _exit(3);
}

struct place { unsigned long address; char text[512]; };

static int name_place(struct dl_phdr_info *info, size_t size, void *data) {
    struct place *place = data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        unsigned long start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || place->address - start >= info->dlpi_phdr[i].p_memsz) continue;
        const char *slash = strrchr(info->dlpi_name, '/');
        snprintf(place->text, sizeof place->text, "%s+%#lx", slash ? slash + 1 : info->dlpi_name, place->address - info->dlpi_addr);
        return 1;
    }
    return 0;
}

static void say_place(unsigned long address) {
    struct place place = {address, "0"};
    if (address && !dl_iterate_phdr(name_place, &place)) strcpy(place.text, "elsewhere");
    say(place.text);
}

static void one(char *step, void **handles, int number) {
    char name[256];
    int argument, delta;
    if (sscanf(step, " open %255s %d", name, &argument) == 2) {
        handles[number] = dlopen(name, argument);
        if (!handles[number]) {
            const char *error = dlerror();
            say("!");
            say(error ? error : "");
        }
    } else if (sscanf(step, " close %d", &argument) == 1) {
        if (handles[argument]) dlclose(handles[argument]);
    } else if (sscanf(step, " sym %d %255s", &argument, name) == 2) {
        void *found = dlsym(argument < 0 ? RTLD_DEFAULT : handles[argument], name);
        if (found) say_place((unsigned long)found);
        else {
            say("!");
            say(dlerror());
        }
    } else if (sscanf(step, " word %d %255s %d", &argument, name, &delta) == 3) {
        char *base = handles[argument] ? dlsym(handles[argument], name) : 0;
        if (base) say_place(*(unsigned long *)(base + delta));
        else say("!");
    }
}

static void steps(char *line) {
    void *handles[256] = {0};
    int number = 0;
    for (char *rest = line, *step; (step = strsep(&rest, ";")); number++) {
        one(step, handles, number);
        say(",");
    }
    say(";");
    exit(0);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        say(";");
        return 0;
    }
    FILE *script = fopen(argv[1], "r");   /* read whole: an exiting child would move the offset they share */
    if (!script) return 2;
    static char text[4 << 20];
    text[fread(text, 1, sizeof text - 1, script)] = 0;
    fclose(script);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
        pid_t child = fork();
        if (!child && !strncmp(line, "link ", 5)) {
            setenv("LD_PRELOAD", line + 5, 1);
            execl("/proc/self/exe", argv[0], (char *)0);
            _exit(3);
        }
        if (!child) steps(line);
        int status;
        waitpid(child, &status, 0);
        if (status) say("?");
        say("\n");
    }
    return 0;
}
