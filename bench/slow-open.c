/* Preloaded into a process, lets it wait before it opens a file of one folder, as files on a network do:
   SLOW_FOLDER names the folder, SLOW_MILLISECONDS the wait. Made by slow-storage.js. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void wait_for(const char *path) {
  const char *folder = getenv("SLOW_FOLDER"), *wait = getenv("SLOW_MILLISECONDS");
  if (!folder || !wait || strncmp(path, folder, strlen(folder)) != 0) return;
  long milliseconds = atol(wait);
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&time, 0);
}

#define OPEN(name)                                                       \
  int name(const char *path, int flags, ...) {                           \
    static int (*real)(const char *, int, ...);                          \
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    mode_t mode = 0;                                                     \
    if (flags & (O_CREAT | O_TMPFILE)) {                                 \
      va_list more;                                                      \
      va_start(more, flags);                                             \
      mode = va_arg(more, mode_t);                                       \
      va_end(more);                                                      \
    }                                                                    \
    wait_for(path);                                                      \
    return real(path, flags, mode);                                      \
  }

OPEN(open)
OPEN(open64)
