#include <fcntl.h>
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

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  return lastseen::run_cli(argc, argv);
}
