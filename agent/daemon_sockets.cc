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
  auto found = std::find_if(passed.begin(), passed.end(),
                            [&](const PassedSocket& socket) { return socket.path == path; });
  if (found == passed.end())
    found = std::find_if(passed.begin(), passed.end(),
                         [](const PassedSocket& socket) { return socket.name == "control"; });
  if (found == passed.end()) return -1;
  const int fd = found->fd;
  passed.erase(found);
  return fd;
}

std::vector<int> sockets_of(const std::vector<InputSettings>& inputs,
                            const std::vector<PassedSocket>& passed) {
  std::vector<int> fds(inputs.size(), -1);
  std::vector<PassedSocket> left = passed;
  const auto take = [&](const auto& fits) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (fds[i] >= 0 || !inputs[i].type.starts_with("unix_")) continue;
      const auto found = std::find_if(left.begin(), left.end(), [&](const PassedSocket& socket) {
        return fits(inputs[i], socket);
      });
      if (found == left.end()) continue;
      fds[i] = found->fd;
      left.erase(found);
    }
  };
  // Senders know the path alone. A name is for one that is spelled otherwise.
  take([](const InputSettings& input, const PassedSocket& socket) {
    return socket.path == input.path;
  });
  take([](const InputSettings& input, const PassedSocket& socket) {
    return socket.name == input.name;
  });
  return fds;
}

}  // namespace lastseen
