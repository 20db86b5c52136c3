#include "daemon_sockets.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstddef>

namespace lastseen {

namespace {

std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      address.sun_family != AF_UNIX || length <= offsetof(sockaddr_un, sun_path)) {
    return "";
  }
  return address.sun_path;  // an abstract one begins with a NUL: empty
}

}  // namespace

std::vector<PassedSocket> passed_sockets() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  std::vector<PassedSocket> sockets;
  for (int i = 0; i < count; ++i) {
    const int fd = SD_LISTEN_FDS_START + i;
    sockets.push_back({fd, names[i], path_of(fd)});
    ::free(names[i]);
  }
  ::free(names);
  return sockets;
}

int take_control_socket(const std::string& path, std::vector<PassedSocket>& passed) {
  if (path.empty()) return -1;
  const auto found = std::find_if(passed.begin(), passed.end(), [&](const PassedSocket& socket) {
    return socket.name == "control" || socket.path == path;
  });
  if (found == passed.end()) return -1;
  const int fd = found->fd;
  passed.erase(found);
  return fd;
}

}  // namespace lastseen
