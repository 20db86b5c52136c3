// A disk in memory. Deterministic, single-threaded: for unit tests and the simulation.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file_system.h"

namespace lastseen {

/// What a name leads to; lives as long as a name, a descriptor or a writer holds it.
struct FakeInode {
  uint64_t number = 0;
  std::string data;
  int64_t birth_ns = 0;
  int64_t modified_ns = 0;
  uint64_t generation = 0;
  uint32_t links = 0;
  bool readable = true;
};

/// Plays the kernel and, through its verbs, the proxy and logrotate. Files keep living through
/// open descriptors after remove(), as on a real disk. Paths are absolute; a directory exists
/// when it was made. Symbolic links lead to files or to directories without links in their path.
class FakeFileSystem final : public FileSystem {
 public:
  enum class Call { kOpen, kStat, kGlob, kList, kPread, kFstat, kLink };

  FakeFileSystem() { directories_.insert("/"); }
  ~FakeFileSystem() override { CHECK(open_files() == 0); }  // a descriptor outlived the disk

  // --- Knobs -----------------------------------------------------------------------------

  bool reuse_inodes = true;     ///< A new file takes the lowest free number, as ext4 does.
  bool has_birth_times = true;  ///< false: birth_ns and generation are 0.
  uint64_t device = 1;          ///< Of every file; change it to play a remount.
  int64_t now_ns = 1'000'000;   ///< The disk's clock: birth and modification times.
  bool clock_ticks = true;      ///< Each change moves now_ns by 1, so that no two are alike.

  /// Asked before each call; a Status that is not ok is what the call returns.
  std::function<Status(Call, const std::string& path)> fault;
  /// The Nth call from now (0: the next) fails with `status`.
  void fail_nth(int64_t n, Status status) {
    fail_in_ = n;
    fail_with_ = std::move(status);
  }
  bool nth_failed() const { return fail_in_ < 0; }

  // --- What others do to the disk ----------------------------------------------------------

  void make_directory(const std::string& path) { directories_.insert(path); }
  /// Only the directory; what was in it is unreachable until it is made again (an unmount).
  void hide_directory(const std::string& path) { directories_.erase(path); }

  /// A new empty file with a new inode; replaces what the path named.
  void create(const std::string& path) {
    CHECK(directories_.count(parent(path)));
    remove(path);
    auto inode = std::make_shared<FakeInode>();
    inode->number = free_number();
    inode->birth_ns = tick();
    inode->modified_ns = inode->birth_ns;
    inode->generation = ++generations_;
    inode->links = 1;
    inodes_[inode->number] = inode;
    names_[path] = inode;
    note_change(path);
  }
  /// Appends, creating the file if it is missing.
  void append(const std::string& path, std::string_view bytes) {
    if (!names_.count(path)) create(path);
    append_to(*names_.at(path), bytes);
  }
  void rename(const std::string& from, const std::string& to) {
    CHECK(names_.count(from));
    std::shared_ptr<FakeInode> inode = names_.at(from);
    if (from == to) return;
    remove(to);
    names_.erase(from);
    names_[to] = std::move(inode);
    note_change(from);
    note_change(to);
  }
  void truncate(const std::string& path, size_t size = 0) {
    FakeInode& inode = *names_.at(path);
    inode.data.resize(size);
    inode.modified_ns = tick();
  }
  void remove(const std::string& path) {
    links_.erase(path);
    auto found = names_.find(path);
    if (found == names_.end()) return;
    --found->second->links;
    names_.erase(found);
    note_change(path);
  }
  void hard_link(const std::string& existing, const std::string& path) {
    names_[path] = names_.at(existing);
    ++names_[path]->links;
    note_change(path);
  }
  void symlink(const std::string& target, const std::string& path) {
    remove(path);
    links_[path] = target;
    note_change(path);
  }
  void chmod(const std::string& path, bool readable) { names_.at(path)->readable = readable; }
  /// The same bytes under a new inode (the first half of copytruncate).
  void copy(const std::string& from, const std::string& to) {
    std::string bytes = names_.at(from)->data;
    create(to);
    append(to, bytes);
  }

  /// What gzip does: PATH.gz holds `packed`, written when PATH was; PATH is gone.
  void compress(const std::string& path, std::string_view packed) {
    const int64_t modified_ns = names_.at(path)->modified_ns;
    create(path + ".gz");
    append(path + ".gz", packed);
    names_.at(path + ".gz")->modified_ns = modified_ns;
    remove(path);
  }

  /// What `touch -d` does.
  void date(const std::string& path, int64_t modified_ns) {
    names_.at(path)->modified_ns = modified_ns;
  }

  /// The proxy's open descriptor: it goes on writing after rename and remove.
  class Writer {
   public:
    void append(std::string_view bytes) { disk_->append_to(*inode_, bytes); }
    uint64_t inode() const { return inode_->number; }

   private:
    friend class FakeFileSystem;
    FakeFileSystem* disk_ = nullptr;
    std::shared_ptr<FakeInode> inode_;
  };
  Writer writer(const std::string& path) {
    Writer writer;
    writer.disk_ = this;
    writer.inode_ = names_.at(path);
    return writer;
  }

  // --- What tests ask ----------------------------------------------------------------------

  bool exists(const std::string& path) const { return names_.count(path) > 0; }
  const std::string& bytes(const std::string& path) const { return names_.at(path)->data; }
  uint64_t inode(const std::string& path) const { return names_.at(path)->number; }
  int64_t birth_ns(const std::string& path) const {
    return has_birth_times ? names_.at(path)->birth_ns : 0;
  }
  /// Expires when neither a name nor a descriptor leads to it any more.
  std::weak_ptr<const FakeInode> handle(const std::string& path) const { return names_.at(path); }
  /// Names in all directories, sorted.
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& [path, inode] : names_) all.push_back(path);
    return all;
  }
  int open_files() const { return *open_files_; }
  int calls(Call call) const { return calls_[static_cast<size_t>(call)]; }

  // --- FileSystem --------------------------------------------------------------------------

  Result<std::unique_ptr<File>> open(const std::string& path) override {
    if (Status status = enter(Call::kOpen, path); !status) return status;
    if (directories_.count(follow(path)))
      return Status::reject("cannot follow " + path + ": a directory");
    std::shared_ptr<FakeInode> inode = resolve(path);
    if (!inode) return missing("open", path);
    if (!inode->readable) return Status::retry("cannot open " + path + ": Permission denied");
    return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, path, std::move(inode)));
  }

  Result<FileStat> stat(const std::string& path) override {
    if (Status status = enter(Call::kStat, path); !status) return status;
    if (const std::string real = follow(path); directories_.count(real)) {
      FileStat stat;
      stat.device = device;
      stat.inode = std::hash<std::string>()(real);
      stat.is_regular = false;
      stat.is_directory = true;
      if (const auto changed = changed_ns_.find(real); changed != changed_ns_.end())
        stat.modified_ns = changed->second;
      return stat;
    }
    std::shared_ptr<FakeInode> inode = resolve(path);
    if (!inode) return missing("stat", path);
    FileStat stat = stat_of(*inode);
    stat.generation = 0;  // only a descriptor tells it
    return stat;
  }

  Result<std::vector<std::string>> glob(const std::string& pattern) override {
    std::vector<std::string> found;
    if (Status status = enter(Call::kGlob, pattern); !status) return status;
    const auto add = [&](const std::string& path) {
      if (path != "/" && reachable(path) && matches(pattern, path)) found.push_back(path);
    };
    for (const auto& [path, inode] : names_) add(path);
    for (const auto& [path, target] : links_) {
      add(path);
      for (const auto& [file, inode] : names_)
        if (parent(file) == target) add(path + file.substr(target.size()));
      for (const auto& [other, led_to] : links_)
        if (parent(other) == target) add(path + other.substr(target.size()));
    }
    for (const std::string& path : directories_) add(path);
    std::sort(found.begin(), found.end());
    return found;
  }

  Result<std::string> real_directory(const std::string& path) override {
    if (Status status = enter(Call::kLink, path); !status) return status;
    return follow(path);
  }

  Result<std::string> target(const std::string& path) override {
    if (Status status = enter(Call::kLink, path); !status) return status;
    return follow(path);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    if (Status status = enter(Call::kList, directory); !status) return status;
    const std::string real = follow(directory);
    if (!directories_.count(real)) return missing("list", directory);
    std::vector<std::string> names;
    auto add = [&](const std::string& path) {
      if (path != real && parent(path) == real) names.push_back(path.substr(path.rfind('/') + 1));
    };
    for (const auto& [path, inode] : names_) add(path);
    for (const auto& [path, target] : links_) add(path);
    for (const std::string& path : directories_) add(path);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static std::string parent(const std::string& path) {
    size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }
  static bool matches(const std::string& pattern, const std::string& path) {
    return fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
  }
  static Status missing(const char* verb, const std::string& path) {
    return Status::not_found(std::string("cannot ") + verb + " " + path +
                             ": No such file or directory");
  }

  class OpenFile final : public File {
   public:
    OpenFile(FakeFileSystem& disk, std::string path, std::shared_ptr<FakeInode> inode)
        : disk_(disk),
          open_files_(disk.open_files_),
          path_(std::move(path)),
          inode_(std::move(inode)) {
      ++*open_files_;
    }
    ~OpenFile() override { --*open_files_; }
    Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
      if (Status status = disk_.enter(Call::kPread, path_); !status) return status;
      if (position >= inode_->data.size()) return size_t{0};
      return inode_->data.copy(buffer, length, position);
    }
    Result<FileStat> stat() override {
      if (Status status = disk_.enter(Call::kFstat, path_); !status) return status;
      return disk_.stat_of(*inode_);
    }
    bool concurrent() const override { return true; }  // to whoever calls from one thread

   private:
    FakeFileSystem& disk_;
    std::shared_ptr<int> open_files_;
    std::string path_;
    std::shared_ptr<FakeInode> inode_;
  };

  FileStat stat_of(const FakeInode& inode) const {
    FileStat stat;
    stat.device = device;
    stat.inode = inode.number;
    stat.size = static_cast<int64_t>(inode.data.size());
    if (has_birth_times) {
      stat.birth_ns = inode.birth_ns;
      stat.generation = inode.generation;
    }
    stat.modified_ns = inode.modified_ns;
    stat.links = inode.links;
    return stat;
  }
  void append_to(FakeInode& inode, std::string_view bytes) {
    inode.data.append(bytes);
    inode.modified_ns = tick();
  }
  // The lowest number that nobody holds, or one never used before.
  uint64_t free_number() {
    if (reuse_inodes) {
      for (uint64_t number = kFirstInode; number < next_number_; ++number) {
        auto found = inodes_.find(number);
        if (found == inodes_.end() || found->second.expired()) return number;
      }
    }
    return next_number_++;
  }

  Status enter(Call call, const std::string& path) {
    ++calls_[static_cast<size_t>(call)];
    if (fail_in_ >= 0 && fail_in_-- == 0) return fail_with_;
    return fault ? fault(call, path) : Status::ok();
  }
  int64_t tick() { return clock_ticks ? ++now_ns : now_ns; }
  void note_change(const std::string& path) { changed_ns_[follow(parent(path))] = tick(); }
  bool reachable(const std::string& path) const {
    return directories_.count(follow(parent(path))) > 0;
  }
  std::string follow(const std::string& path) const {
    const auto link = links_.find(path);
    return link == links_.end() ? path : link->second;
  }
  std::shared_ptr<FakeInode> resolve(const std::string& path) const {
    const std::string directory = follow(parent(path));
    const std::string target =
        follow((directory == "/" ? "" : directory) + path.substr(path.rfind('/')));
    const auto found = names_.find(target);
    return found == names_.end() || !reachable(path) || !reachable(target) ? nullptr
                                                                           : found->second;
  }

  static constexpr uint64_t kFirstInode = 11;
  std::map<std::string, std::shared_ptr<FakeInode>> names_;
  std::map<std::string, std::string> links_;
  std::set<std::string> directories_;
  std::map<std::string, int64_t> changed_ns_;  // of directories: when a name in them changed
  std::map<uint64_t, std::weak_ptr<FakeInode>> inodes_;
  std::shared_ptr<int> open_files_ = std::make_shared<int>(0);
  uint64_t next_number_ = kFirstInode;
  uint64_t generations_ = 100;
  int64_t fail_in_ = -1;
  Status fail_with_;
  int calls_[7] = {};
};

}  // namespace lastseen
