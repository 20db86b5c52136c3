#include "source/feed_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

namespace lastseen {

namespace {

// Connections that wait to be accepted; the thread that accepts does little else.
constexpr int kBacklog = 1024;
// Longest entry of the user and group databases that is looked up.
constexpr size_t kEntryBytesMax = 64 * 1024;

std::string at(const InputSettings& input) {
  return "input '" + input.name + "', " + input.path;
}

Status trouble(const InputSettings& input, const std::string& what, int error) {
  return Status::retry(at(input) + ": " + what + ": " + std::generic_category().message(error));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

// A number, or the name of a user or group.
template <typename Entry, typename Find>
std::optional<uint32_t> id_of(const std::string& name, Find find, uint32_t (*id)(const Entry&)) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number;
  std::vector<char> buffer(kEntryBytesMax);
  Entry entry{};
  Entry* found = nullptr;
  find(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return id(entry);
}

Status set_owner(const InputSettings& input) {
  uid_t owner = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
  if (!input.owner.empty()) {
    const auto id = id_of<passwd>(
        input.owner, ::getpwnam_r, +[](const passwd& entry) { return uint32_t{entry.pw_uid}; });
    if (!id) return Status::retry(at(input) + ": there is no user '" + input.owner + "'");
    owner = *id;
  }
  if (!input.group.empty()) {
    const auto id = id_of<::group>(
        input.group, ::getgrnam_r, +[](const ::group& entry) { return uint32_t{entry.gr_gid}; });
    if (!id) return Status::retry(at(input) + ": there is no group '" + input.group + "'");
    group = *id;
  }
  if (::chown(input.path.c_str(), owner, group) != 0)
    return trouble(input, "cannot give it to its owner and group", errno);
  return Status::ok();
}

// Makes the directory of the path if only that one is missing.
Status make_parent(const InputSettings& input) {
  const size_t slash = input.path.rfind('/');
  if (slash == std::string::npos || slash == 0) return Status::ok();
  const std::string directory = input.path.substr(0, slash);
  if (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return Status::ok();
  return trouble(input, "cannot make the directory " + directory, errno);
}

// Is the path free to be bound? Removes a socket that nobody listens on any more.
Status clear_path(const InputSettings& input, int type) {
  struct stat info {};
  if (::lstat(input.path.c_str(), &info) != 0) {
    if (errno == ENOENT) return make_parent(input);
    return trouble(input, "cannot look at it", errno);
  }
  if (!S_ISSOCK(info.st_mode))
    return Status::fatal(at(input) +
                         ": there is something that is not a socket; it is left alone: "
                         "move it away or choose another path");
  const Descriptor probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return trouble(input, "cannot open a socket", errno);
  const sockaddr_un address = address_of(input.path);
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // EPROTOTYPE: alive, and of the other type.
  if (result == 0 || errno == EAGAIN || errno == EPROTOTYPE)
    return Status::fatal(at(input) +
                         ": another process listens there; stop it or choose another path");
  if (errno == ENOENT) return Status::ok();
  if (errno != ECONNREFUSED) return trouble(input, "cannot tell whether it is in use", errno);
  if (::unlink(input.path.c_str()) != 0 && errno != ENOENT)
    return trouble(input, "cannot replace what a dead process left", errno);
  return Status::ok();
}

}  // namespace

Result<FeedSocket> FeedSocket::make(const InputSettings& input, int type) {
  if (Status cleared = clear_path(input, type); !cleared) return cleared;
  FeedSocket socket;
  socket.fd_ = Descriptor(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // bind() gives the file the descriptor's mode less the umask, so it is never too wide.
  if (!socket.is_open() || ::fchmod(socket.fd(), static_cast<mode_t>(input.mode)) != 0)
    return trouble(input, "cannot open a socket", errno);
  const sockaddr_un address = address_of(input.path);
  if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return trouble(input, "cannot make the socket", errno);
  struct stat info {};
  if (::lstat(input.path.c_str(), &info) != 0) return trouble(input, "cannot look at it", errno);
  socket.path_ = input.path;
  socket.device_ = info.st_dev;
  socket.inode_ = info.st_ino;
  if (Status owned = set_owner(input); !owned) return owned;
  if (::chmod(input.path.c_str(), static_cast<mode_t>(input.mode)) != 0 ||
      (type == SOCK_STREAM && ::listen(socket.fd(), kBacklog) != 0))
    return trouble(input, "cannot set it up", errno);
  return socket;
}

Result<FeedSocket> FeedSocket::open_fifo(const InputSettings& input) {
  struct stat info {};
  const bool missing = ::stat(input.path.c_str(), &info) != 0;
  if (missing && errno != ENOENT) return trouble(input, "cannot look at it", errno);
  if (missing) {
    if (Status parent = make_parent(input); !parent) return parent;
    if (::mkfifo(input.path.c_str(), 0600) != 0)
      return trouble(input, "cannot make the fifo", errno);
    if (Status owned = set_owner(input); !owned) return owned;
    if (::chmod(input.path.c_str(), static_cast<mode_t>(input.mode)) != 0)
      return trouble(input, "cannot set it up", errno);
  } else if (!S_ISFIFO(info.st_mode)) {
    return Status::fatal(at(input) +
                         ": there is something that is not a fifo; it is left alone: "
                         "move it away or choose another path");
  }
  FeedSocket fifo;
  fifo.fd_ = Descriptor(::open(input.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fifo.is_open()) return trouble(input, "cannot open it", errno);
  return fifo;
}

Status FeedSocket::set_rights(const InputSettings& input) {
  struct stat info {};
  if (::lstat(input.path.c_str(), &info) != 0 ||
      !(S_ISSOCK(info.st_mode) || S_ISFIFO(info.st_mode)))
    return Status::ok();
  if (Status owned = set_owner(input); !owned) return owned;
  if (::chmod(input.path.c_str(), static_cast<mode_t>(input.mode)) != 0)
    return trouble(input, "cannot give it its mode", errno);
  return Status::ok();
}

Result<FeedSocket> FeedSocket::adopt(const InputSettings& input, int fd, int type) {
  int found = 0;
  socklen_t length = sizeof found;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &length) != 0 || found != type)
    return Status::fatal("input '" + input.name +
                         "': the socket that was passed in is not of the input's type; a .socket "
                         "unit needs ListenDatagram= for unix_datagram, ListenStream= for "
                         "unix_stream");
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return trouble(input, "cannot use the socket that was passed in", errno);
  return of_descriptor(fd);
}

FeedSocket FeedSocket::of_descriptor(int fd) {
  FeedSocket socket;
  socket.fd_ = Descriptor(fd);
  return socket;
}

FeedSocket::FeedSocket(FeedSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

FeedSocket& FeedSocket::operator=(FeedSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

FeedSocket::~FeedSocket() {
  if (made(path_)) ::unlink(path_.c_str());
}

// While the descriptor is open the kernel cannot give the inode's number to another file.
bool FeedSocket::made(const std::string& path) const {
  struct stat info {};
  return !path_.empty() && ::lstat(path.c_str(), &info) == 0 && info.st_dev == device_ &&
         info.st_ino == inode_;
}

int kernel_datagrams_max() {
  std::ifstream file("/proc/sys/net/unix/max_dgram_qlen");
  int value = -1;
  return file >> value ? value : -1;
}

}  // namespace lastseen
