// The sockets and fifos that feeds come through, and the manners of their files.
#pragma once

#include <cstdint>
#include <string>

#include "base/descriptor.h"
#include "base/status.h"
#include "config/config.h"

namespace lastseen {

/// An open descriptor to receive from, non-blocking, and the socket file that goes with it.
/// Move-only; the destructor closes it and removes the file if that is still the one made here.
///
/// Errors: kFatal for what stays wrong until somebody changes it (another process answers there,
/// the path is something else); kRetry for what may mend itself (no directory yet, no right).
class FeedSocket {
 public:
  FeedSocket() = default;

  /// A datagram or a listening stream socket (SOCK_DGRAM, SOCK_STREAM) at the input's path, with
  /// its mode, owner and group. A socket that a dead process left is replaced, a live one never.
  static Result<FeedSocket> make(const InputSettings& input, int type);
  /// The reading end of a fifo, which is made if it is missing.
  static Result<FeedSocket> open_fifo(const InputSettings& input);
  /// Gives the socket or fifo at the input's path its mode, owner and group; fine when there is
  /// none yet.
  static Status set_rights(const InputSettings& input);
  /// One that somebody else made and keeps, such as systemd; `type`: what it must be.
  static Result<FeedSocket> adopt(const InputSettings& input, int fd, int type);
  /// A descriptor of this process that is no socket (standard input).
  static FeedSocket of_descriptor(int fd);

  FeedSocket(FeedSocket&& other) noexcept;
  FeedSocket& operator=(FeedSocket&& other) noexcept;
  ~FeedSocket();

  /// Whether the file at `path` is the one that was made here, and so goes with this.
  bool made(const std::string& path) const;
  int fd() const { return fd_.get(); }
  bool is_open() const { return fd_.is_open(); }
  /// The descriptor stays open without an owner.
  void release() { fd_.release(); }

 private:
  Descriptor fd_;
  std::string path_;     // of the socket file made here; empty: there is none
  uint64_t device_ = 0;  // identity of that file
  uint64_t inode_ = 0;
};

/// How many datagrams the kernel lets wait in a new Unix socket (net.unix.max_dgram_qlen); -1:
/// unknown. One more fits. SO_RCVBUF does not change it.
int kernel_datagrams_max();
/// What it should be: at 20,000 requests a second 25 ms in which the agent gets no processor.
inline constexpr int kDatagramsAdvised = 512;

}  // namespace lastseen
