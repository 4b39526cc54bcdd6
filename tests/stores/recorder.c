/* Record what a process does to the files below RECORDED, in order, with all bytes; see recorded.py, which reads it.

   Preloaded (LD_PRELOAD), so that the real stores run on the real SQLite. A record is a fixed head and its payload. It
   is written after the call, when that succeeded, and before its caller goes on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 1024
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char tracked[FILES];
static int journal = -1;

struct head { int32_t what, fd; int64_t offset, length; };

static void put(char what, int fd, int64_t offset, const void *data, size_t length)
{
    int before = errno;
    struct head head = {what, fd, offset, (int64_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    pthread_mutex_lock(&lock);
    if (journal < 0)
        journal = REAL(open64)(getenv("JOURNAL"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (writev(journal, parts, 2) != (ssize_t)(sizeof head + length)) abort();
    pthread_mutex_unlock(&lock);
    errno = before;
}

static int below(const char *path)
{
    const char *root = getenv("RECORDED");
    return strncmp(path, root, strlen(root)) == 0;
}

static int known(int fd) { return fd >= 0 && fd < FILES && tracked[fd]; }

static int opened(int fd, const char *path, int flags)
{
    if (fd < 0) return fd;
    int record = below(path);
    if (fd < FILES) tracked[fd] = (char)record; else if (record) abort();
    if (record) put('o', fd, (flags & O_TRUNC) != 0, path, strlen(path));
    return fd;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        return opened(REAL(name)(path, flags, mode), path, flags); \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (known(fd)) tracked[fd] = 0;
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *data, size_t length)
{
    ssize_t done = REAL(write)(fd, data, length);
    if (done > 0 && known(fd)) put('w', fd, lseek(fd, 0, SEEK_CUR) - done, data, (size_t)done);
    if (done > 0 && fd == 1) put('a', fd, 0, data, (size_t)done);
    return done;
}

#define PWRITE(name, offset_t) \
    ssize_t name(int fd, const void *data, size_t length, offset_t offset) \
    { \
        ssize_t done = REAL(name)(fd, data, length, offset); \
        if (done > 0 && known(fd)) put('w', fd, offset, data, (size_t)done); \
        return done; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_t) \
    int name(int fd, offset_t size) \
    { \
        int failed = REAL(name)(fd, size); \
        if (!failed && known(fd)) put('t', fd, size, "", 0); \
        return failed; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int fd) \
    { \
        int failed = REAL(name)(fd); \
        if (!failed && known(fd)) put('s', fd, 0, "", 0); \
        return failed; \
    }
SYNC(fsync)
SYNC(fdatasync)

int mkdir(const char *path, mode_t mode)
{
    int failed = REAL(mkdir)(path, mode);
    if (!failed && below(path)) put('m', -1, 0, path, strlen(path));
    return failed;
}

int unlink(const char *path)
{
    int failed = REAL(unlink)(path);
    if (!failed && below(path)) put('u', -1, 0, path, strlen(path));
    return failed;
}

int rename(const char *from, const char *to)
{
    int failed = REAL(rename)(from, to);
    if (failed || !below(to)) return failed;
    size_t first = strlen(from) + 1, second = strlen(to);
    char *both = malloc(first + second);
    memcpy(both, from, first);
    memcpy(both + first, to, second);
    put('r', -1, 0, both, first + second);
    free(both);
    return failed;
}
