/* A function of a library that nobody needs. */
void further(void) { }
