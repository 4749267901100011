/* Only there so that missing_dependency can be linked; nothing finds it at run time. */
int gone(void) { return 1; }
