/* stdlib.h: the environment. The strings a program was started with are never freed; those setenv made are kept,
 * since nobody can know who still points to them, and used again when the same text comes back. */
#include "lib.h"

static int lock;
static char **own_list;     /* what environ points to once a variable was added */
static size_t own_room;

struct kept { struct kept *next; char text[]; };
static struct kept *kept;

static char **find(const char *name, size_t length) {
    if (!environ || !length) return NULL;
    for (char **at = environ; *at; at++)
        if (!strncmp(*at, name, length) && (*at)[length] == '=') return at;
    return NULL;
}

EXPORT char *getenv(const char *name) {
    size_t length = strlen(name);
    char **at = find(name, length);
    return at ? *at + length + 1 : NULL;
}
EXPORT char *secure_getenv(const char *name) { return getenv(name); }
ALSO(__secure_getenv, secure_getenv);

/* Puts a whole "NAME=value" in place. */
static int place(char *text, size_t length) {
    char **at = find(text, length);
    if (at) {
        *at = text;
        return 0;
    }
    size_t count = 0;
    while (environ && environ[count]) count++;
    if (environ != own_list || count + 2 > own_room) {
        size_t room = count + 16;
        char **list = em_malloc(room * sizeof *list);
        if (!list) return -1;
        if (count) memcpy(list, environ, count * sizeof *list);
        if (environ == own_list) em_free(own_list);
        environ = own_list = list;
        own_room = room;
    }
    environ[count] = text;
    environ[count + 1] = NULL;
    return 0;
}

static char *keep(const char *name, size_t length, const char *value) {
    size_t size = strlen(value);
    for (struct kept *k = kept; k; k = k->next)
        if (!strncmp(k->text, name, length) && k->text[length] == '=' && !strcmp(k->text + length + 1, value)) return k->text;
    struct kept *k = em_malloc(sizeof *k + length + size + 2);
    if (!k) return NULL;
    memcpy(k->text, name, length);
    k->text[length] = '=';
    memcpy(k->text + length + 1, value, size + 1);
    k->next = kept;
    kept = k;
    return k->text;
}

static bool bad_name(const char *name) {
    if (name && *name && !strchr(name, '=')) return false;
    errno = EINVAL;
    return true;
}

EXPORT int setenv(const char *name, const char *value, int overwrite) {
    if (bad_name(name)) return -1;
    size_t length = strlen(name);
    int result = 0;
    em_lock(&lock);
    if (overwrite || !find(name, length)) {
        char *text = keep(name, length, value);
        result = text ? place(text, length) : -1;
    }
    em_unlock(&lock);
    return result;
}

static void take_away(const char *name, size_t length) {
    for (char **at; (at = find(name, length));)
        do at[0] = at[1];
        while (*at++);
}

EXPORT int unsetenv(const char *name) {
    if (bad_name(name)) return -1;
    em_lock(&lock);
    take_away(name, strlen(name));
    em_unlock(&lock);
    return 0;
}

EXPORT int putenv(char *text) {
    char *equals = strchr(text, '=');
    if (!equals) return *text ? unsetenv(text) : 0;
    em_lock(&lock);
    int result = place(text, (size_t)(equals - text));
    em_unlock(&lock);
    return result;
}

EXPORT int clearenv(void) {
    em_lock(&lock);
    if (environ == own_list) {
        em_free(own_list);
        own_list = NULL;
        own_room = 0;
    }
    environ = NULL;
    em_unlock(&lock);
    return 0;
}
