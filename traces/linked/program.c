/* Calls the Go library that it is linked with: its exit status is 0 when the sum is right. */
long add(long, long);

int main(void) { return add(1, 2) == 3 ? 0 : 1; }
