// What a glob and a directory hold at this moment.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"

namespace lastseen {

struct FoundFile {
  std::string path;
  FileStat stat;
};

/// How the state of what exists but cannot be read begins.
inline constexpr std::string_view kUnreadable = "unreadable: ";

/// The state of what waits for a descriptor.
inline constexpr std::string_view kWaitsForDescriptor = "waiting: no descriptor is free";

/// A path that an input names and that cannot be followed now.
struct PathTrouble {
  std::string path;
  std::string state;  ///< "missing", "unreadable: Permission denied", …
  /// There may be a log at the path now, or at one of those it matches.
  bool hides_file = false;
};

/// A path that the pattern gives, of a log or a directory, and where it leads without links.
struct Link {
  std::string name;
  std::string path;
};

struct Discovered {
  /// Regular files, sorted by the paths that the pattern gave. Behind links the path is where they
  /// lie, for there rotation puts what it makes of them.
  std::vector<FoundFile> files;
  std::vector<Link> links;        ///< Logs that are links, whether or not anything is behind.
  std::vector<Link> directories;  ///< Those of the pattern that are links or lie behind some.
  bool all_links = true;          ///< false: some paths could not be asked whether they are links.
  std::vector<PathTrouble> troubles;

  /// Whether it is known where all paths of the pattern lead.
  bool complete() const { return all_links && troubles.empty(); }
};

/// Looks once. A pattern that matches nothing is one trouble.
Discovered discover(FileSystem& files, const std::string& pattern);

/// Every regular file of a directory.
struct Listing {
  Status status;         ///< Not ok: nothing is known about the directory.
  bool complete = true;  ///< false: some of its entries could not be asked.
  std::vector<FoundFile> files;
};

/// The directories as one look finds them: each is listed once, however many of its files are
/// asked for. Thousands of logs lie in one directory as easily as one.
class Listings {
 public:
  Listings(FileSystem& files, std::string pattern) : files_(files), pattern_(std::move(pattern)) {}

  /// The logs have other names from now on.
  void change_pattern(std::string pattern) {
    pattern_ = std::move(pattern);
    clear();
  }

  /// Valid until the directory is listed again.
  const Listing& of(const std::string& directory);
  /// What rotation made of the log, nothing twice. Status and completeness are the directory's.
  Listing rotations_of(const std::string& log);
  /// Or of any log that the pattern names.
  Listing rotations_of_any(const std::string& pattern);
  /// What is of one family with `path`, itself included.
  Listing family_of(const std::string& path);
  bool holds(const std::string& directory) const { return directories_.count(directory) > 0; }
  /// The next question about the directory lists it anew.
  void forget(const std::string& directory) { directories_.erase(directory); }
  /// The look is over.
  void clear() { directories_.clear(); }

 private:
  struct Directory {
    Listing listing;
    std::unordered_multimap<std::string, size_t> families;  // by log_family
  };
  Directory& directory(const std::string& path);
  void add_family(const Directory& directory, const std::string& base, Listing& out) const;

  FileSystem& files_;
  std::string pattern_;
  std::map<std::string, Directory> directories_;
};

/// Whether rotation made `path` of the log, compressed or not.
bool is_rotation_of(const std::string& log, const std::string& path);
/// Or of one that the pattern names.
bool is_rotation_of_any(const std::string& pattern, const std::string& path);
/// While gzip is at it, or if it keeps what it packed, only the plain file counts.
void drop_packed_twice(std::vector<FoundFile>& files);
bool matches_glob(const std::string& pattern, const std::string& path);
/// Whether `path` is what logrotate and its like make of `home`: access.log.1, access.log-20261122,
/// access-2026-11-22.log; not a compressed one.
bool is_rotated_name(const std::string& home, const std::string& path);
/// Of two rotated files of `home`, by their numbers or dates: positive if `a` was rotated after
/// `b`, negative if before; 0: their names do not tell.
int compare_rotations(const std::string& home, const std::string& a, const std::string& b);
/// The name before anything rotated or compressed it: access.log of access.log.2.gz.
std::string rotation_base(const std::string& path);
/// The name before it was rotated last, if more than one number or date was added: app.1.log of
/// app.1.log.2.gz; `path` itself, unpacked, if none was.
std::string without_last_mark(const std::string& path);
/// What the files of one log have in common, where `pattern` names the logs: the name of the log,
/// also of one that ends in a number of its own, as worker-1.log does. Where its name does not tell
/// app.1.log from what rotation makes of app.log, what is made of both has one family.
std::string log_family(const std::string& pattern, const std::string& path);
bool has_wildcards(const std::string& text);
/// Without doubled slashes, as paths are compared.
std::string with_single_slashes(std::string path);
std::string directory_of(const std::string& path);  ///< "." for a bare name.
std::string name_in_directory(const std::string& path);
/// "Permission denied" of "cannot open PATH: Permission denied".
std::string reason_in(const std::string& message, const std::string& path);

}  // namespace lastseen
