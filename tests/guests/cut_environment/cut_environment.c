/* A library that is constructed first and takes the environment away from whoever looks behind argv for it. */
__attribute__((constructor)) static void start(int argc, char **argv, char **envp) { envp[0] = 0; }
