#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

namespace {

// A caller may have closed stdin, stdout or stderr. The next file that is opened would take that
// number, and a message meant for a person would land in a log file or a database.
void fill_standard_descriptors() {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

// Whoever may write the database, a spill file or the log of an agent decides what it says; a
// service manager or a shell without a umask must not make that everyone. Sockets get their modes
// from the configuration.
void let_nobody_else_write() {
  umask(umask(0) | S_IWOTH);
}

// glibc keeps what once was a large block, up to 32 MiB, for the next large one. Batches of a
// million clients left 179 MB with the process that way, and 82 MB when such blocks go back.
void give_large_blocks_back() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  give_large_blocks_back();
  fill_standard_descriptors();
  let_nobody_else_write();
  return lastseen::run_cli(argc, argv);
}
