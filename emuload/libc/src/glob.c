/* glob.h: file names that match a pattern. glob(3); no braces, and "~" only by HOME. */
#include <dirent.h>
#include "lib.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { ERR = 1, MARK = 2, NO_SORT = 4, OFFSETS = 8, NO_CHECK = 16, APPEND = 32, NO_ESCAPE = 64, WITH_PERIOD = 128, NO_MAGIC = 2048, TILDE = 4096, ONLY_FOLDERS = 8192 };
enum { NO_SPACE = 1, ABORTED = 2, NOTHING = 3 };

struct found { size_t count; char **names; size_t offset; int flags; };

int fnmatch(const char *pattern, const char *text, int flags);

struct search {
    struct found *found;
    int flags;
    int (*on_error)(const char *, int);
    char path[4096];
};

static bool magic(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] == '*' || s[i] == '?' || s[i] == '[' || s[i] == '\\') return true;
    return false;
}

static int add(struct found *f, const char *name) {
    char **grown = em_realloc(f->names, (f->offset + f->count + 2) * sizeof *grown);
    if (!grown) return NO_SPACE;
    f->names = grown;
    char *copy = em_malloc(strlen(name) + 2);
    if (!copy) return NO_SPACE;
    strcpy(copy, name);
    grown[f->offset + f->count++] = copy;
    grown[f->offset + f->count] = NULL;
    return 0;
}

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* The path so far has `used` bytes; `pattern` is what is left. */
static int walk(struct search *g, size_t used, const char *pattern) {
    while (*pattern == '/') {
        if (used + 1 >= sizeof g->path) return 0;
        g->path[used++] = *pattern++;
    }
    g->path[used] = 0;
    if (!*pattern) {
        struct stat s;
        if (lstat(g->path, &s)) return 0;
        if (g->flags & ONLY_FOLDERS && !is_folder(g->path)) return 0;
        if (g->flags & MARK && used && g->path[used - 1] != '/' && is_folder(g->path)) strcpy(g->path + used, "/");
        return add(g->found, g->path);
    }
    size_t part = (size_t)(strchrnul(pattern, '/') - pattern);
    if (!magic(pattern, part)) {
        if (used + part >= sizeof g->path) return 0;
        memcpy(g->path + used, pattern, part);
        return walk(g, used + part, pattern + part);
    }
    char one[256];
    if (part >= sizeof one) return 0;
    memcpy(one, pattern, part);
    one[part] = 0;
    DIR *folder = opendir(used ? g->path : ".");
    if (!folder) {
        if (errno == ENOTDIR || errno == ENOENT) return 0;
        bool stop = g->on_error && g->on_error(g->path, errno);
        return stop || g->flags & ERR ? ABORTED : 0;
    }
    int result = 0;
    for (struct dirent *entry; !result && (entry = readdir(folder));) {
        int flags = (g->flags & NO_ESCAPE ? 2 : 0) | (g->flags & WITH_PERIOD ? 0 : 4);
        size_t length = strlen(entry->d_name);
        if (fnmatch(one, entry->d_name, flags) || used + length >= sizeof g->path) continue;
        memcpy(g->path + used, entry->d_name, length + 1);
        if (pattern[part] && !is_folder(g->path)) continue;
        result = walk(g, used + length, pattern + part);
    }
    closedir(folder);
    return result;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));

EXPORT int glob(const char *restrict pattern, int flags, int (*on_error)(const char *, int), struct found *restrict f) {
    if (!(flags & APPEND)) {
        f->count = 0;
        f->names = NULL;
        if (!(flags & OFFSETS)) f->offset = 0;
        if (flags & OFFSETS) {
            f->names = em_calloc(f->offset + 1, sizeof *f->names);
            if (!f->names) return NO_SPACE;
        }
    }
    f->flags = flags;
    struct search g = {f, flags, on_error, ""};
    size_t before = f->count, used = 0;
    const char *home = getenv("HOME"), *rest = pattern;
    if (flags & TILDE && *pattern == '~' && (!pattern[1] || pattern[1] == '/') && home) {
        used = strnlen(home, sizeof g.path - 1);
        memcpy(g.path, home, used);
        rest++;
    }
    int result = walk(&g, used, rest);
    if (result) return result;
    if (f->count == before) {
        if (flags & NO_CHECK || (flags & NO_MAGIC && !magic(pattern, strlen(pattern)))) return add(f, pattern);
        return NOTHING;
    }
    if (!(flags & NO_SORT)) qsort(f->names + f->offset + before, f->count - before, sizeof *f->names, by_name);
    return 0;
}
ALSO(glob64, glob);

EXPORT void globfree(struct found *f) {
    for (size_t i = 0; i < f->count; i++) em_free(f->names[f->offset + i]);
    em_free(f->names);
    f->names = NULL;
    f->count = 0;
}
ALSO(globfree64, globfree);
