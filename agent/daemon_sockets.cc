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

// -1: none fits.
template <typename Fits>
int take_first(std::vector<PassedSocket>& sockets, Fits fits) {
  const auto found = std::find_if(sockets.begin(), sockets.end(), fits);
  if (found == sockets.end()) return -1;
  const int fd = found->fd;
  sockets.erase(found);
  return fd;
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
  const int at_path =
      take_first(passed, [&](const PassedSocket& socket) { return socket.path == path; });
  if (at_path >= 0) return at_path;
  return take_first(passed, [](const PassedSocket& socket) { return socket.name == "control"; });
}

std::vector<int> sockets_of(const std::vector<InputSettings>& inputs,
                            const std::vector<PassedSocket>& passed) {
  std::vector<int> fds(inputs.size(), -1);
  std::vector<PassedSocket> left = passed;
  // Senders know the path alone. A name is for one that is spelled otherwise.
  for (const bool by_path : {true, false})
    for (size_t i = 0; i < inputs.size(); ++i) {
      const InputSettings& input = inputs[i];
      if (fds[i] >= 0 || !input.type.starts_with("unix_")) continue;
      fds[i] = take_first(left, [&](const PassedSocket& socket) {
        return by_path ? socket.path == input.path : socket.name == input.name;
      });
    }
  return fds;
}

}  // namespace lastseen
