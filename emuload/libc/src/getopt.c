/* unistd.h and getopt.h: command-line options. getopt(3), with GNU's permutation and messages. */
#include "file.h"

int fprintf(FILE *restrict f, const char *restrict format, ...);

EXPORT char *optarg;
EXPORT int optind = 1, opterr = 1, optopt = '?';

struct option {
    const char *name;
    int has_arg; /* 0 no, 1 required, 2 optional */
    int *flag;
    int val;
};

static char *cluster;              /* the rest of "-abc" */
static int first_other, last_other; /* argv[first_other … last_other-1]: arguments skipped while permuting */

static bool is_option(const char *argument) { return argument[0] == '-' && argument[1]; }

/* Moves the skipped arguments after the options found since. */
static void exchange(char **argv) {
    int others = last_other - first_other;
    for (int at = last_other; at < optind; at++) {
        char *option = argv[at];
        memmove(argv + first_other + 1, argv + first_other, (size_t)(at - first_other) * sizeof *argv);
        argv[first_other++] = option;
    }
    last_other = first_other + others;
}

/* Finds the next argument that holds options. false: no more; optind is then at the first other argument. */
static bool next_argument(int argc, char **argv, bool permute) {
    if (last_other > optind) last_other = optind;
    if (first_other > optind) first_other = optind;
    if (permute) {
        if (first_other != last_other && last_other != optind) exchange(argv);
        else if (last_other != optind) first_other = optind;
        while (optind < argc && !is_option(argv[optind])) optind++;
        last_other = optind;
    }
    if (optind < argc && !strcmp(argv[optind], "--")) {
        optind++;
        if (first_other != last_other && last_other != optind) exchange(argv);
        else if (first_other == last_other) first_other = optind;
        last_other = argc;
        optind = argc;
    }
    if (optind < argc) return true;
    if (first_other != last_other) optind = first_other;
    return false;
}

struct search { const struct option *found; int index; bool ambiguous; };

static struct search find_long(const struct option *options, const char *name, size_t length, bool short_too) {
    struct search s = {NULL, -1, false};
    for (int i = 0; options[i].name; i++) {
        if (strncmp(options[i].name, name, length)) continue;
        if (strlen(options[i].name) == length) return (struct search){&options[i], i, false};
        if (!s.found) {
            s.found = &options[i];
            s.index = i;
        } else if (short_too || s.found->has_arg != options[i].has_arg || s.found->flag != options[i].flag || s.found->val != options[i].val) {
            s.ambiguous = true;
        }
    }
    return s;
}

static int long_option(int argc, char **argv, const struct option *options, int *index, const char *prefix, bool quiet, bool colon,
                       bool short_too) {
    const char *name = cluster;
    size_t length = (size_t)(strchrnul(name, '=') - name);
    struct search s = find_long(options, name, length, short_too);
    char *value = name[length] ? cluster + length + 1 : NULL;
    optopt = 0;
    if (s.ambiguous) {
        if (!quiet) {
            fprintf(stderr, "%s: option '%s%s' is ambiguous; possibilities:", argv[0], prefix, name);
            for (int i = 0; options[i].name; i++)
                if (!strncmp(options[i].name, name, length)) fprintf(stderr, " '%s%s'", prefix, options[i].name);
            fprintf(stderr, "\n");
        }
        cluster = NULL;
        optind++;
        return '?';
    }
    if (!s.found) {
        if (!quiet) fprintf(stderr, "%s: unrecognized option '%s%s'\n", argv[0], prefix, name);
        cluster = NULL;
        optind++;
        return '?';
    }
    cluster = NULL;
    optind++;
    if (value && !s.found->has_arg) {
        if (!quiet) fprintf(stderr, "%s: option '%s%s' doesn't allow an argument\n", argv[0], prefix, s.found->name);
        optopt = s.found->val;
        return '?';
    }
    if (!value && s.found->has_arg == 1) {
        if (optind >= argc) {
            if (!quiet) fprintf(stderr, "%s: option '%s%s' requires an argument\n", argv[0], prefix, s.found->name);
            optopt = s.found->val;
            return colon ? ':' : '?';
        }
        value = argv[optind++];
    }
    optarg = value;
    if (index) *index = s.index;
    if (!s.found->flag) return s.found->val;
    *s.found->flag = s.found->val;
    return 0;
}

static int short_option(int argc, char **argv, const char *letters, bool quiet, bool colon) {
    char letter = *cluster++;
    const char *known = letter == ':' || letter == ';' ? NULL : strchr(letters, letter);
    if (!*cluster) optind++;
    if (!known) {
        if (!quiet) fprintf(stderr, "%s: invalid option -- '%c'\n", argv[0], letter);
        optopt = (unsigned char)letter;
        return '?';
    }
    if (known[1] != ':') return (unsigned char)letter;
    if (*cluster) {
        optarg = cluster;
        optind++;
    } else if (known[2] == ':') {
        optarg = NULL;
    } else if (optind >= argc) {
        if (!quiet) fprintf(stderr, "%s: option requires an argument -- '%c'\n", argv[0], letter);
        optopt = (unsigned char)letter;
        letter = colon ? ':' : '?';
    } else {
        optarg = argv[optind++];
    }
    cluster = NULL;
    return (unsigned char)letter;
}

static int parse(int argc, char **argv, const char *letters, const struct option *options, int *index, bool long_only) {
    if (argc < 1) return -1;
    optarg = NULL;
    if (!optind) {
        optind = 1;
        cluster = NULL;
        first_other = last_other = 1;
    }
    if (!first_other) first_other = last_other = optind;
    bool in_order = *letters == '-', stop = *letters == '+' || (!in_order && getenv("POSIXLY_CORRECT"));
    if (*letters == '-' || *letters == '+') letters++;
    bool colon = *letters == ':', quiet = !opterr || colon;
    if (colon) letters++;
    if (!cluster || !*cluster) {
        if (!next_argument(argc, argv, !in_order && !stop)) return -1;
        char *argument = argv[optind];
        if (!is_option(argument)) {
            if (stop) return -1;
            optarg = argv[optind++];
            return 1;
        }
        if (options && argument[1] == '-') {
            cluster = argument + 2;
            return long_option(argc, argv, options, index, "--", quiet, colon, long_only);
        }
        cluster = argument + 1;
        if (options && long_only && (argument[2] || !strchr(letters, argument[1]))) {
            size_t length = (size_t)(strchrnul(cluster, '=') - cluster);
            struct search s = find_long(options, cluster, length, true);
            if (s.found || s.ambiguous || !strchr(letters, argument[1]))
                return long_option(argc, argv, options, index, "-", quiet, colon, true);
        }
    }
    return short_option(argc, argv, letters, quiet, colon);
}

EXPORT int getopt(int argc, char *const argv[], const char *letters) { return parse(argc, (char **)argv, letters, NULL, NULL, false); }
EXPORT int __posix_getopt(int argc, char *const argv[], const char *letters) { return getopt(argc, argv, letters); }
EXPORT int getopt_long(int argc, char *const argv[], const char *letters, const struct option *options, int *index) {
    return parse(argc, (char **)argv, letters, options, index, false);
}
EXPORT int getopt_long_only(int argc, char *const argv[], const char *letters, const struct option *options, int *index) {
    return parse(argc, (char **)argv, letters, options, index, true);
}
