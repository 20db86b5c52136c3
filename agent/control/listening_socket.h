// Where the control server listens: the socket file with its manners, and the TCP port.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace lastseen {

/// Longest path of a Unix socket in bytes: sun_path has 108, one is the NUL (unix(7)).
inline constexpr size_t kSocketPathBytesMax = 107;

/// An open, listening, non-blocking descriptor. The destructor closes it and removes the socket
/// file if that is still the one made here. Move-only.
///
/// Errors: kFatal for what is wrong until the operator changes it (another agent answers there,
/// the path is not a socket or too long); kRetry for what may mend itself (no directory yet,
/// no permission, no descriptors).
class ListeningSocket {
 public:
  /// Replaces a socket that a dead agent left, never a live one and never anything else. Makes
  /// the last directory of the path if that is missing. The file never has more rights than
  /// `mode`, not even for a moment.
  static Result<ListeningSocket> at_path(const std::string& path, int mode);
  /// One that somebody else made and keeps, such as systemd: a duplicate of `fd`, and the file is
  /// not removed. kFatal when it is no Unix stream socket that listens.
  static Result<ListeningSocket> adopt(int fd);
  /// "HOST:PORT", "[::1]:PORT" or ":PORT" (all addresses). Port 0: any free one.
  static Result<ListeningSocket> at_host_port(const std::string& host_port);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  int fd() const { return fd_; }
  bool is_tcp() const { return path_.empty(); }
  /// The TCP port; 0 for a Unix socket.
  int port() const;

 private:
  explicit ListeningSocket(int fd) : fd_(fd) {}

  int fd_ = -1;
  std::string path_;     // of the socket file; empty: TCP
  uint64_t device_ = 0;  // identity of that file; 0: not made here
  uint64_t inode_ = 0;
};

}  // namespace lastseen
