#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <system_error>

#include "base/file_system.h"

namespace lastseen {

namespace {

// "cannot open /var/log/x: Permission denied"
Status status_of(int error, const char* verb, const std::string& path) {
  std::string message =
      std::string("cannot ") + verb + " " + path + ": " + std::generic_category().message(error);
  if (error == ENOENT || error == ENOTDIR) return Status::not_found(std::move(message));
  return Status::retry(std::move(message));
}

constexpr unsigned kStatFields = STATX_BASIC_STATS | STATX_BTIME;

int64_t ns_of(const statx_timestamp& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStat convert(const struct statx& raw) {
  FileStat stat;
  stat.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  stat.inode = raw.stx_ino;
  stat.size = static_cast<int64_t>(raw.stx_size);
  if (raw.stx_mask & STATX_BTIME) stat.birth_ns = ns_of(raw.stx_btime);
  stat.modified_ns = ns_of(raw.stx_mtime);
  stat.links = raw.stx_nlink;
  stat.is_regular = S_ISREG(raw.stx_mode);
  stat.is_directory = S_ISDIR(raw.stx_mode);
  return stat;
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {
    // Asked once: an inode keeps its generation for as long as a descriptor holds it.
    // Declared as long, filled as int by every file system that has it.
    long generation = 0;
    if (ioctl(fd_, FS_IOC_GETVERSION, &generation) == 0)
      generation_ = static_cast<uint32_t>(generation);
  }
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
    size_t done = 0;
    while (done < length) {
      ssize_t n = ::pread(fd_, buffer + done, length - done, static_cast<off_t>(position + done));
      if (n > 0) {
        done += static_cast<size_t>(n);
      } else if (n == 0) {
        break;
      } else if (errno != EINTR) {
        return status_of(errno, "read", path_);
      }
    }
    return done;
  }

  Result<FileStat> stat() override {
    struct statx raw {};
    if (statx(fd_, "", AT_EMPTY_PATH, kStatFields, &raw) != 0)
      return status_of(errno, "stat", path_);
    FileStat stat = convert(raw);
    stat.generation = generation_;
    return stat;
  }
  bool concurrent() const override { return true; }

 private:
  int fd_;
  std::string path_;
  uint64_t generation_ = 0;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    // Looked at before it is opened: opening a fifo or a device can have effects.
    Result<FileStat> before = stat(path);
    if (!before) return before.status();
    if (!before->is_regular) return not_regular(path);
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return status_of(errno, "open", path);
    auto file = std::make_unique<PosixFile>(fd, path);
    Result<FileStat> opened = file->stat();
    if (!opened) return opened.status();
    if (!opened->is_regular) return not_regular(path);
    return std::unique_ptr<File>(std::move(file));
  }

  Result<FileStat> stat(const std::string& path) override {
    struct statx raw {};
    if (statx(AT_FDCWD, path.c_str(), 0, kStatFields, &raw) != 0)
      return status_of(errno, "stat", path);
    return convert(raw);
  }

  Result<std::string> real_directory(const std::string& path) override {
    const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                           &std::free);
    if (real) return std::string(real.get());
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return path;
    return status_of(errno, "follow", path);
  }

  Result<std::string> target(const std::string& path) override {
    std::string at = path;
    for (int links = 0; links < kLinksMax; ++links) {
      char text[PATH_MAX];
      const ssize_t size = readlink(at.c_str(), text, sizeof text);
      if (size < 0 && errno != EINVAL && errno != ENOENT && errno != ENOTDIR)
        return status_of(errno, "follow", at);
      if (size < 0) return at;
      const std::string_view next(text, static_cast<size_t>(size));
      at.resize(next.starts_with('/') ? 0 : at.rfind('/') + 1);  // npos + 1 is 0
      at += next;
      const size_t slash = at.rfind('/') + 1;
      Result<std::string> directory = real_directory(slash == 0 ? "." : at.substr(0, slash));
      if (!directory) return directory;
      if (!directory->ends_with('/')) *directory += '/';
      at = directory->append(at, slash);
    }
    return path;  // they go round in circles, which opening it says
  }

  Result<std::vector<std::string>> glob(const std::string& pattern) override {
    const auto ends_it = [](const char*, int error) {
      return error != EACCES && error != ENOENT && error != ENOTDIR ? 1 : 0;
    };
    std::vector<std::string> paths;
    glob_t found{};
    const int outcome = ::glob(pattern.c_str(), GLOB_NOSORT, ends_it, &found);
    const int error = outcome == GLOB_NOSPACE ? ENOMEM : errno;
    if (outcome == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    if (outcome != 0 && outcome != GLOB_NOMATCH) return status_of(error, "list", pattern);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
    if (!stream) return status_of(errno, "list", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(stream.get())) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) return status_of(errno, "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static constexpr int kLinksMax = 40;  // Linux follows no more (path_resolution(7))

  static Status not_regular(const std::string& path) {
    return Status::reject("cannot follow " + path + ": not a regular file");
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() {
  return std::make_unique<PosixFileSystem>();
}

}  // namespace lastseen
