// Sockets that systemd made for us and keeps (sd_listen_fds(3)).
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace lastseen {

struct PassedSocket {
  int fd = -1;
  std::string name;  ///< FileDescriptorName= of the unit; by default the unit's own name.
  std::string path;  ///< Of a Unix socket; empty for others.
};

/// Those that were passed to this process. Child processes do not get them.
std::vector<PassedSocket> passed_sockets();

/// The one that is at `path`, or else is named "control", taken out of `passed`; -1: there is none,
/// or it is not wanted (`path` is empty).
int take_control_socket(const std::string& path, std::vector<PassedSocket>& passed);

/// The descriptor of each input's socket: that at its path, or else one of its name; -1: none. Of
/// two inputs none has the other's, whatever their order.
std::vector<int> sockets_of(const std::vector<InputSettings>& inputs,
                            const std::vector<PassedSocket>& passed);

}  // namespace lastseen
