// The only way to the disk for what the agent follows. Tests and the simulation bring their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace lastseen {

/// What stat tells about a file, as far as following it needs.
struct FileStat {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;         ///< bytes
  int64_t birth_ns = 0;     ///< Birth time since the epoch; 0 where the file system has none.
  uint64_t generation = 0;  ///< Inode generation (FS_IOC_GETVERSION); 0 where there is none.
  int64_t modified_ns = 0;
  uint32_t links = 1;  ///< 0: deleted, alive only through descriptors.
  bool is_regular = true;
  bool is_directory = false;
};

/// An open file, read only. Closing is destruction. Not thread-safe, but for what concurrent()
/// promises.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to `length` bytes from `position`; fewer only at the end of the file, or 0 there.
  virtual Result<size_t> pread(char* buffer, size_t length, uint64_t position) = 0;
  /// Asked through the descriptor, so it speaks of this file whatever its path names now.
  /// Fills birth_ns and generation.
  virtual Result<FileStat> stat() = 0;
  /// Nothing will ever follow what was read up to the end: a compressed file that is whole.
  virtual bool complete() const { return false; }
  /// stat() tells the size as far as it is known: a compressed file that is not unpacked to its
  /// end.
  virtual bool has_more() const { return false; }
  /// Several threads may call pread() at once.
  virtual bool concurrent() const { return false; }
};

/// Errors: kNotFound where the path names nothing; kRetry for everything that can mend itself
/// (permission, too many descriptors, I/O); the message holds the path and the reason.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Opens a regular file for reading; follows symbolic links; anything but a regular file
  /// (a directory, a fifo) is kReject.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  /// Follows symbolic links. birth_ns and generation may be left 0.
  virtual Result<FileStat> stat(const std::string& path) = 0;
  /// Paths that match a glob pattern, sorted; a pattern without wildcards gives the path itself
  /// if it exists. Directories and links that lead nowhere may be among them: nothing is asked
  /// about each, for the caller does. A directory that is closed to us holds nothing; one that
  /// cannot be read for another reason (too many descriptors, I/O) is an error.
  virtual Result<std::vector<std::string>> glob(const std::string& pattern) = 0;
  /// The absolute path of a directory, without symbolic links; `path` itself where there is no
  /// directory, or no end of links.
  virtual Result<std::string> real_directory(const std::string& path) = 0;
  /// Where the symbolic links at `path` lead to, whether or not there is anything; `path` itself
  /// where there is none, or no end of them. Its directory is to be a real one; the result's is.
  virtual Result<std::string> target(const std::string& path) = 0;
  /// Names (not paths) in a directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
};

/// The real disk.
std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace lastseen
