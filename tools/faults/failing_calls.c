/* Counts the file calls of this process on paths below a folder, and lets one of them, or all from it on, fail.

   Preloaded (LD_PRELOAD). Nothing is counted until `failing_arm`; then only calls that can give such an error are: those
   that modify (disk full), that open (too many open files), that name a path (no permission), or all (broken disk).
   Syncing is left out: nothing here ends by a power cut. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <dirent.h>
#include <unistd.h>

#define MOST_FDS 4096
enum { MODIFIES = 1, OPENS = 2, BY_PATH = 4, ANY = 8 };
static char prefix[4096];
static size_t prefix_length;
static atomic_long seen, first;
static int wanted_errno, lasting, kinds;
static char hit_name[32], hit_path[1024];
static char watched[MOST_FDS];

void failing_arm(const char *folder, long nth, int error, int goes_on, int of_kinds) {
    strncpy(prefix, folder, sizeof prefix - 1);
    prefix_length = strlen(prefix);
    first = nth; wanted_errno = error; lasting = goes_on; kinds = of_kinds; seen = 0; hit_name[0] = hit_path[0] = 0;
    memset(watched, 0, sizeof watched);
}
long failing_disarm(void) { prefix_length = 0; return seen; }
const char *failing_call(void) { return hit_name; }
const char *failing_path(void) { return hit_path; }

static int is_below(const char *path) {
    return prefix_length && path && !strncmp(path, prefix, prefix_length);
}
static int is_watched(int fd) { return prefix_length && fd >= 0 && fd < MOST_FDS && watched[fd]; }

static int fails(const char *name, const char *path, int kind) {
    if (!((kind | ANY) & kinds)) return 0;
    long n = ++seen;
    if (!first || n < first || (n > first && !lasting)) return 0;
    if (n == first) { strncpy(hit_name, name, sizeof hit_name - 1); strncpy(hit_path, path ? path : "", sizeof hit_path - 1); }
    errno = wanted_errno;
    return 1;
}
static int opened(int fd, int below) {
    if (fd >= 0 && fd < MOST_FDS) watched[fd] = below;
    return fd;
}
#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)

#define OPEN(NAME) int NAME(const char *path, int flags, ...) { \
    REAL(int, #NAME, const char *, int, ...); va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
    int below = is_below(path); if (below && fails("open", path, OPENS | BY_PATH | (flags & (O_CREAT | O_TRUNC) ? MODIFIES : 0))) return -1; \
    return opened(real(path, flags, mode), below); }
#define OPENAT(NAME) int NAME(int folder, const char *path, int flags, ...) { \
    REAL(int, #NAME, int, const char *, int, ...); va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
    int below = is_below(path) || (path[0] != '/' && is_watched(folder)); if (below && fails("open", path, OPENS | BY_PATH | (flags & (O_CREAT | O_TRUNC) ? MODIFIES : 0))) return -1; \
    return opened(real(folder, path, flags, mode), below); }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

#define ON_FD(TYPE, NAME, KIND, PARAMETERS, ARGUMENTS) TYPE NAME PARAMETERS { \
    REAL(TYPE, #NAME, ); if (is_watched(fd) && fails(#NAME, "", KIND)) return -1; return ((TYPE (*) PARAMETERS) real) ARGUMENTS; }
ON_FD(ssize_t, read, 0, (int fd, void *to, size_t size), (fd, to, size))
ON_FD(ssize_t, write, MODIFIES, (int fd, const void *from, size_t size), (fd, from, size))
ON_FD(ssize_t, pread64, 0, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
ON_FD(off_t, lseek64, 0, (int fd, off_t at, int whence), (fd, at, whence))
ON_FD(int, ftruncate64, MODIFIES, (int fd, off_t size), (fd, size))
ON_FD(int, fstat64, 0, (int fd, struct stat64 *found), (fd, found))
ON_FD(int, fchmod, MODIFIES, (int fd, mode_t mode), (fd, mode))
ON_FD(int, flock, 0, (int fd, int how), (fd, how))

#define SYNC(NAME) int NAME(int fd) { REAL(int, #NAME, int); if (!prefix_length) return real(fd); \
    return is_watched(fd) && fails(#NAME, "", MODIFIES) ? -1 : 0; }
SYNC(fsync) SYNC(fdatasync)

int close(int fd) {  /* as Linux has it: the descriptor is gone, whatever is said of it */
    REAL(int, "close", int);
    int fail = is_watched(fd) && fails("close", "", MODIFIES);
    if (fd >= 0 && fd < MOST_FDS) watched[fd] = 0;
    int done = real(fd);
    if (fail) { errno = wanted_errno; return -1; }
    return done;
}

#define ON_PATH(TYPE, BAD, NAME, KIND, PARAMETERS, ARGUMENTS) TYPE NAME PARAMETERS { \
    REAL(TYPE, #NAME, ); if (is_below(path) && fails(#NAME, path, BY_PATH | KIND)) return BAD; return ((TYPE (*) PARAMETERS) real) ARGUMENTS; }
ON_PATH(int, -1, stat64, 0, (const char *path, struct stat64 *found), (path, found))
ON_PATH(int, -1, lstat64, 0, (const char *path, struct stat64 *found), (path, found))
ON_PATH(int, -1, mkdir, MODIFIES, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, -1, rmdir, MODIFIES, (const char *path), (path))
ON_PATH(int, -1, unlink, MODIFIES, (const char *path), (path))
ON_PATH(int, -1, chmod, MODIFIES, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, -1, rename, MODIFIES, (const char *path, const char *to), (path, to))
ON_PATH(int, -1, link, MODIFIES, (const char *path, const char *to), (path, to))
ON_PATH(ssize_t, -1, readlink, 0, (const char *path, char *to, size_t size), (path, to, size))
ON_PATH(DIR *, NULL, opendir, OPENS, (const char *path), (path))
