// Loaded before libc: the Nth call of one function fails once, with one errno.
//
//     NTH_CALL="pread 3 5" NTH_CALL_MARK=FILE LD_PRELOAD=nth_call.so lastseen run …
//
// FILE is made when that call came. Calls from within libc are not seen. `read` and `write` are of
// sockets and pipes; of regular files they are called `read_file` and `write_file`. Locks fail when
// they are taken, not when they are given back.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static char wanted[32];
static long wanted_n;
static int wanted_errno;
static atomic_long calls;

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("NTH_CALL");
  if (!text || sscanf(text, "%31s %ld %d", wanted, &wanted_n, &wanted_errno) != 3) wanted_n = 0;
}

// The system call itself: the functions around it may be wrapped here.
static int fails(const char* name) {
  if (wanted_n == 0 || strcmp(name, wanted) != 0) return 0;
  if (atomic_fetch_add(&calls, 1) + 1 != wanted_n) return 0;
  const char* mark = getenv("NTH_CALL_MARK");
  if (mark) {
    const long fd = syscall(SYS_open, mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    syscall(SYS_close, fd);
  }
  errno = wanted_errno;
  return 1;
}

// Of an event, which has no type, neither can fail.
static const char* label(int fd, const char* of_file, const char* of_socket) {
  struct stat info;
  const int saved = errno;
  const mode_t mode = syscall(SYS_fstat, fd, &info) == 0 ? info.st_mode : 0;
  errno = saved;
  return S_ISREG(mode) ? of_file : (mode & S_IFMT) ? of_socket : "event";
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRAP(type, name, failure, label, parameters, arguments) \
  type name parameters { \
    NEXT(name); \
    if (fails(label)) return failure; \
    return next arguments; \
  }

#define WRAP_OPEN(name) \
  int name(const char* path, int flags, ...) { \
    NEXT(name); \
    va_list more; \
    va_start(more, flags); \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more); \
    if (fails("open")) return -1; \
    return next(path, flags, mode); \
  }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_FCNTL(name) \
  int name(int fd, int command, ...) { \
    NEXT(name); \
    va_list more; \
    va_start(more, command); \
    void* argument = va_arg(more, void*); \
    va_end(more); \
    const struct flock* lock = argument; \
    if (command == F_SETLK && lock->l_type != F_UNLCK && fails("lock")) return -1; \
    return next(fd, command, argument); \
  }
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

WRAP(ssize_t, read, -1, label(fd, "read_file", "read"), (int fd, void* buffer, size_t length),
     (fd, buffer, length))
WRAP(ssize_t, write, -1, label(fd, "write_file", "write"),
     (int fd, const void* buffer, size_t length), (fd, buffer, length))
WRAP(ssize_t, pread, -1, "pread", (int fd, void* b, size_t n, off_t at), (fd, b, n, at))
WRAP(ssize_t, pread64, -1, "pread", (int fd, void* b, size_t n, off64_t at), (fd, b, n, at))
WRAP(ssize_t, pwrite, -1, "pwrite", (int fd, const void* b, size_t n, off_t at), (fd, b, n, at))
WRAP(ssize_t, pwrite64, -1, "pwrite", (int fd, const void* b, size_t n, off64_t at), (fd, b, n, at))
WRAP(int, fstat, -1, "fstat", (int fd, struct stat* info), (fd, info))
WRAP(int, fstat64, -1, "fstat", (int fd, struct stat64* info), (fd, info))
WRAP(int, stat, -1, "stat", (const char* path, struct stat* info), (path, info))
WRAP(int, stat64, -1, "stat", (const char* path, struct stat64* info), (path, info))
WRAP(int, lstat, -1, "lstat", (const char* path, struct stat* info), (path, info))
WRAP(int, statx, -1, "statx",
     (int at, const char* path, int flags, unsigned mask, struct statx* info),
     (at, path, flags, mask, info))
WRAP(DIR*, opendir, NULL, "opendir", (const char* path), (path))
WRAP(int, glob, GLOB_NOSPACE, "glob",
     (const char* pattern, int flags, int (*on_error)(const char*, int), glob_t* found),
     (pattern, flags, on_error, found))
WRAP(int, fsync, -1, "fsync", (int fd), (fd))
WRAP(int, fdatasync, -1, "fdatasync", (int fd), (fd))
WRAP(int, ftruncate, -1, "ftruncate", (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, -1, "ftruncate", (int fd, off64_t size), (fd, size))
WRAP(int, rename, -1, "rename", (const char* from, const char* to), (from, to))
WRAP(int, unlink, -1, "unlink", (const char* path), (path))
WRAP(int, mkdir, -1, "mkdir", (const char* path, mode_t mode), (path, mode))
WRAP(int, chmod, -1, "chmod", (const char* path, mode_t mode), (path, mode))
WRAP(int, fchmod, -1, "fchmod", (int fd, mode_t mode), (fd, mode))
WRAP(int, socket, -1, "socket", (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, bind, -1, "bind", (int fd, const struct sockaddr* to, socklen_t length),
     (fd, to, length))
WRAP(int, listen, -1, "listen", (int fd, int backlog), (fd, backlog))
WRAP(int, accept4, -1, "accept", (int fd, struct sockaddr* from, socklen_t* length, int flags),
     (fd, from, length, flags))
WRAP(int, accept, -1, "accept", (int fd, struct sockaddr* from, socklen_t* length),
     (fd, from, length))
WRAP(int, connect, -1, "connect", (int fd, const struct sockaddr* to, socklen_t length),
     (fd, to, length))
WRAP(ssize_t, recv, -1, "recv", (int fd, void* buffer, size_t length, int flags),
     (fd, buffer, length, flags))
WRAP(ssize_t, recvmsg, -1, "recvmsg", (int fd, struct msghdr* message, int flags),
     (fd, message, flags))
WRAP(int, recvmmsg, -1, "recvmmsg",
     (int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout),
     (fd, messages, count, flags, timeout))
WRAP(ssize_t, send, -1, "send", (int fd, const void* buffer, size_t length, int flags),
     (fd, buffer, length, flags))
WRAP(ssize_t, sendmsg, -1, "sendmsg", (int fd, const struct msghdr* message, int flags),
     (fd, message, flags))
WRAP(int, setsockopt, -1, "setsockopt",
     (int fd, int level, int name, const void* value, socklen_t length),
     (fd, level, name, value, length))
WRAP(int, getsockopt, -1, "getsockopt",
     (int fd, int level, int name, void* value, socklen_t* length),
     (fd, level, name, value, length))
WRAP(int, epoll_create1, -1, "epoll_create", (int flags), (flags))
WRAP(int, epoll_create, -1, "epoll_create", (int size), (size))
WRAP(int, epoll_ctl, -1, "epoll_ctl", (int e, int operation, int fd, struct epoll_event* event),
     (e, operation, fd, event))
WRAP(int, epoll_wait, -1, "epoll_wait", (int e, struct epoll_event* events, int count, int ms),
     (e, events, count, ms))
WRAP(int, epoll_pwait, -1, "epoll_wait",
     (int e, struct epoll_event* events, int count, int ms, const sigset_t* mask),
     (e, events, count, ms, mask))
WRAP(int, poll, -1, "poll", (struct pollfd* fds, nfds_t count, int ms), (fds, count, ms))
WRAP(int, eventfd, -1, "eventfd", (unsigned value, int flags), (value, flags))
WRAP(int, signalfd, -1, "signalfd", (int fd, const sigset_t* mask, int flags), (fd, mask, flags))
WRAP(int, timerfd_create, -1, "timerfd", (int clock, int flags), (clock, flags))
WRAP(int, inotify_init1, -1, "inotify_init", (int flags), (flags))
WRAP(int, inotify_add_watch, -1, "inotify_watch", (int fd, const char* path, uint32_t mask),
     (fd, path, mask))
WRAP(int, pthread_create, wanted_errno, "thread",
     (pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument),
     (thread, attributes, run, argument))
