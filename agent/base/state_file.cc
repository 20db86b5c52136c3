#include "base/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <vector>

#include "base/descriptor.h"

namespace lastseen {

namespace {

// It holds ids of clients, so nobody else may read it.
constexpr mode_t kMode = 0600;
constexpr size_t kReadBytes = 1 << 20;
constexpr int kAsideMax = 100;

class PosixStateFile final : public StateFile {
 public:
  explicit PosixStateFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const override { return path_; }

  Result<std::optional<std::string>> read() override {
    const Descriptor fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) {
      if (errno == ENOENT) return std::optional<std::string>();
      return trouble("cannot read it");
    }
    std::string bytes;
    std::vector<char> buffer(kReadBytes);
    for (;;) {
      const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
      if (got < 0) return trouble("cannot read it");
      if (got == 0) return std::optional<std::string>(std::move(bytes));
      bytes.append(buffer.data(), static_cast<size_t>(got));
    }
  }

  Status replace(std::string_view bytes) override {
    if (Status written = write_new(bytes); !written) {
      ::unlink(new_path().c_str());
      return written;
    }
    if (::rename(new_path().c_str(), path_.c_str()) != 0) return trouble("cannot replace it");
    return sync_directory();
  }

  Status remove() override {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return trouble("cannot remove it");
    return Status::ok();
  }

  Result<std::string> set_aside() override {
    for (int number = 1; number <= kAsideMax; ++number) {
      const std::string place = path_ + ".damaged" + std::to_string(number);
      struct stat info {};
      if (::lstat(place.c_str(), &info) == 0) continue;
      if (::rename(path_.c_str(), place.c_str()) != 0) return trouble("cannot move it away");
      return place;
    }
    return Status::retry(path_ + ": cannot move it away: too many lie there already");
  }

 private:
  std::string new_path() const { return path_ + ".new"; }
  std::string directory() const {
    const size_t slash = path_.rfind('/');
    return slash == path_.npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  }
  Status trouble(const std::string& what) const {
    return Status::retry(path_ + ": " + what + ": " + std::generic_category().message(errno));
  }

  Status write_new(std::string_view bytes) {
    if (::mkdir(directory().c_str(), 0750) != 0 && errno != EEXIST)
      return trouble("cannot make its directory");
    const Descriptor fd(
        ::open(new_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kMode));
    if (!fd.is_open()) return trouble("cannot write it");
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return trouble("cannot write it");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return ::fsync(fd.get()) == 0 ? Status::ok() : trouble("cannot write it");
  }

  Status sync_directory() const {
    const Descriptor fd(::open(directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open() || ::fsync(fd.get()) != 0) return trouble("cannot sync its directory");
    return Status::ok();
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<StateFile> make_state_file(const std::string& path) {
  return std::make_unique<PosixStateFile>(path);
}

}  // namespace lastseen
