#include "control/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace lastseen {

namespace {

// Connections that wait for accept; the kernel refuses or holds back what comes beyond them.
constexpr int kBacklog = 128;

std::string error_text(int error) {
  return std::strerror(error);  // The GNU C library's is thread-safe.
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Status trouble_at(const std::string& path, const std::string& what, int error) {
  return Status::retry("control socket " + path + ": " + what + ": " + error_text(error) +
                       ": make it possible or set control.socket");
}

// Makes the directory of `path` if only that one is missing.
Status make_parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return Status::ok();
  const std::string directory = path.substr(0, slash);
  if (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return Status::ok();
  return trouble_at(path, "cannot make the directory " + directory, errno);
}

// Is the path free to be bound? Removes a socket on which nobody listens any more.
Status clear_path(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return make_parent(path);
    return trouble_at(path, "cannot look at it", errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Status::fatal("control socket " + path +
                         ": there is something that is not a socket; it is left alone: "
                         "move it away or set control.socket");
  }
  // Non-blocking: an agent that is alive and too busy to accept gives EAGAIN at once.
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return trouble_at(path, "cannot open a socket", errno);
  const sockaddr_un address = address_of(path);
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno == EAGAIN) {
    return Status::fatal("another agent answers on " + path + ": stop it or set control.socket");
  }
  if (errno == ENOENT) return Status::ok();
  if (errno != ECONNREFUSED) return trouble_at(path, "cannot tell whether it is in use", errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return trouble_at(path, "cannot replace what a dead agent left", errno);
  return Status::ok();
}

struct HostPort {
  std::string host;  // empty: all addresses
  std::string port;
};

Result<HostPort> parse_host_port(const std::string& text) {
  const size_t colon = text.rfind(':');
  HostPort parsed;
  if (colon != std::string::npos) {
    parsed.host = text.substr(0, colon);
    parsed.port = text.substr(colon + 1);
  }
  const bool bracketed = parsed.host.starts_with('[') && parsed.host.ends_with(']');
  if (bracketed) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  const bool digits = !parsed.port.empty() && parsed.port.size() <= 5 &&
                      parsed.port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoi(parsed.port) > 65535 ||
      (!bracketed && parsed.host.find(':') != std::string::npos)) {
    return Status::fatal("control.http '" + text +
                         "' is not HOST:PORT; write for example 127.0.0.1:9464 or [::1]:9464");
  }
  return parsed;
}

// A listening descriptor on one address, or -1 with errno.
int listen_on(const addrinfo& address) {
  Descriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;  // Without it a restart waits for old connections in TIME_WAIT.
  if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return -1;
  }
  return fd.release();
}

}  // namespace

Result<ListeningSocket> ListeningSocket::at_path(const std::string& path, int mode) {
  if (path.size() > kSocketPathBytesMax || path.find('\0') != std::string::npos) {
    return Status::fatal("control socket " + path + ": the path has " +
                         std::to_string(path.size()) + " bytes, a Unix socket's at most " +
                         std::to_string(kSocketPathBytesMax) + ": set a shorter control.socket");
  }
  if (Status cleared = clear_path(path); !cleared) return cleared;
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // bind() gives the file the descriptor's mode less the umask, so it is never too wide. The
  // umask itself belongs to the whole process and is not touched; chmod adds what it took.
  if (fd.get() < 0 || ::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0)
    return trouble_at(path, "cannot open a socket", errno);
  const sockaddr_un address = address_of(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) {
      return Status::fatal("another agent just took " + path + ": stop it or set control.socket");
    }
    return trouble_at(path, "cannot make it", errno);
  }
  struct stat info {};
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0 || ::lstat(path.c_str(), &info) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return trouble_at(path, "cannot set it up", error);
  }
  ListeningSocket listening(fd.release());
  listening.path_ = path;
  listening.device_ = info.st_dev;
  listening.inode_ = info.st_ino;
  return listening;
}

Result<ListeningSocket> ListeningSocket::adopt(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  int type = 0, listens = 0;
  socklen_t size = sizeof(int);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      address.sun_family != AF_UNIX || ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      type != SOCK_STREAM || ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
      listens == 0) {
    return Status::fatal(
        "the control socket that was passed in is none: its .socket unit should have "
        "ListenStream= with a path, and no Accept=");
  }
  // An abstract one has a name that no file has.
  const std::string path = length > offsetof(sockaddr_un, sun_path) ? address.sun_path : "";
  ListeningSocket listening(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (listening.fd_ < 0 || ::fcntl(listening.fd_, F_SETFL, O_NONBLOCK) != 0)
    return trouble_at(path, "cannot use what was passed in", errno);
  listening.path_ = path.empty() ? "(passed in)" : path;
  return listening;
}

Result<ListeningSocket> ListeningSocket::at_host_port(const std::string& host_port) {
  const Result<HostPort> parsed = parse_host_port(host_port);
  if (!parsed) return parsed.status();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(parsed->host.empty() ? nullptr : parsed->host.c_str(),
                                   parsed->port.c_str(), &hints, &found);
  if (failed != 0) {
    return Status::retry("control.http " + host_port +
                         ": cannot find the address: " + ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = listen_on(*address);
    if (fd >= 0) return ListeningSocket(fd);
    error = errno;
  }
  if (error == EADDRINUSE) {
    return Status::fatal("control.http " + host_port +
                         ": another process listens there: stop it or choose another port");
  }
  return Status::retry("control.http " + host_port + ": cannot listen: " + error_text(error));
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ < 0) return;
  // While the descriptor is open the kernel cannot give the inode's number to another file.
  struct stat info {};
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  ::close(fd_);
}

int ListeningSocket::port() const {
  if (is_tcp()) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
      if (address.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
      if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    }
  }
  return 0;
}

}  // namespace lastseen
