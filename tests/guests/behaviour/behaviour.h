/* The C half of the library: what its Go code calls. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

typedef int (*callback)(int number, void *context);

int invoke(callback function, int number, void *context);
int into_go(int depth);
int fail_with(int number);
int current_errno(void);
int thread_id(void);
int read_at(const int *address);
void end_by_abort(void);
void call_from_threads(int count);
long long sum_of(const int *values, int count);

#endif
