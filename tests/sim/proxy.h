// A proxy that writes a log, logrotate beside it, and the truth: which lines were written, where
// they are, and which of them nobody can be expected to know.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "fakes/fake_file_system.h"
#include "sim/sim_store.h"

namespace lastseen::sim {

/// An id whose rows the store may refuse.
inline constexpr const char* kRefusedClient = "refused";

struct Line {
  std::string client;  ///< Empty: it names nobody.
  int64_t seen_at_ms = 0;
  uint64_t bytes = 0;
  uint64_t end = 0;      ///< Bytes: behind it in its file.
  bool at_risk = false;  ///< It was destroyed before the store was known to have it.
};

/// Contents that the proxy wrote, wherever they are by now.
struct Contents {
  uint64_t inode = 0;
  int64_t birth_ns = 0;
  /// Whether a stored position of that inode speaks of these contents: not after a truncation.
  bool positions_tell = true;
  std::pair<uint64_t, int64_t> was;     ///< Inode and birth before gzip made another file of it.
  std::weak_ptr<const FakeInode> held;  ///< Alive while a name or a descriptor leads to it.
  std::vector<Line> lines;
  uint64_t saved = 0;          ///< Up to here the store has it.
  uint64_t saved_at_mark = 0;  ///< The same for the state that the store may go back to.
};

/// One log and its rotated files. All verbs are what the outside world does to the disk.
class Proxy {
 public:
  Proxy(FakeFileSystem& disk, SimStore& store, Random& random, std::string input,
        const std::string& directory, bool header);

  const std::string& input() const { return input_; }
  const std::string& log() const { return log_; }
  bool copies() const { return copies_; }
  bool reopen_due() const { return reopen_due_; }

  void open();         ///< (Re)opens the log, creating it if it is missing (USR1).
  void write_piece();  ///< Some bytes of a line, or of several.
  void finish_line();
  void rename_rotate(bool create);  ///< The proxy goes on writing to the old file until open().
  void copy_truncate(bool lines_between);
  void truncate();
  /// A release: the log is begun anew in another directory, to which `link` leads from now on, when
  /// the proxy opens it. The link is that of the log, or of its directory.
  void move_to(const std::string& directory, const std::string& link);
  void remove();  ///< The log; the proxy goes on writing to it until open().
  /// The newest rotated file that is plain and not written to; if `known`, only one of which the
  /// store has first bytes or nothing: of others that could not be read, nobody knows the archive.
  void compress(bool known);
  void drop_oldest();  ///< logrotate's `rotate N`.
  size_t rotated() const;
  /// The store knows a file of the log's directory, or nothing would lead there once a link does
  /// not.
  bool directory_is_known() const;
  bool log_is_saved() const;  ///< The store has all of what a truncation would destroy.
  bool rotated_are_saved() const;

  /// The store committed something.
  void note_commit();
  /// The store may go back to what it is now.
  void mark();
  /// It did: what cannot be read again is nobody's fault.
  void store_went_back();
  bool went_back() const { return went_back_; }
  /// The agent closed all it had open: what no name leads to is gone.
  void agent_died() { sweep(); }

  uint64_t lines() const { return lines_; }
  /// First lines that are alike: of a file that may be a copy of another nobody can tell whether
  /// they were counted.
  uint64_t headers() const { return headers_; }
  uint64_t header_bytes() const { return header_bytes_; }
  uint64_t lines_at_risk() const;
  uint64_t bytes() const { return bytes_; }  ///< Of whole lines.
  uint64_t bytes_at_risk() const;
  /// Prints what became of all that was written.
  void print() const;
  /// Adds what every client must have, and what it may have.
  void add_truth(std::map<std::string, StoredClient>& sure,
                 std::map<std::string, StoredClient>& all) const;

 private:
  using File = std::shared_ptr<Contents>;
  /// What logrotate calls rotated files: access.log.1, or with `extension .log` access.1.log, or
  /// with `dateext` access.log-20261101.
  enum class Names { kNumbered, kNumberedToo, kNumberedStem, kDay };

  void next_line();
  File begin_file(const std::string& path);
  void shift_chain();
  std::string rotated_name(int number) const;
  std::string newest_rotated_name() const;
  void rename(const std::string& from, const std::string& to);
  void unlink(const std::string& path);
  bool is_saved(const Contents& contents) const;
  void destroy(Contents& contents);
  void sweep();

  FakeFileSystem& disk_;
  SimStore& store_;
  Random& random_;
  const std::string input_;
  std::string stem_;
  std::string log_;
  const bool copies_;  // logrotate is set to copytruncate
  const bool header_;  // each file begins with the same line
  const Names names_by_;
  std::optional<FakeFileSystem::Writer> writer_;
  File writing_;
  std::map<std::string, File> names_;
  std::vector<File> unlinked_;  // they live through descriptors
  std::vector<File> destroyed_;
  std::string unwritten_;  // of the line that is being written
  Line line_;
  uint64_t size_ = 0;  // of what is being written to
  int64_t clock_ms_ = 1'795'000'000'000;
  uint64_t lines_ = 0;
  uint64_t headers_ = 0;
  uint64_t header_bytes_ = 0;
  uint64_t bytes_ = 0;
  int rotations_ = 0;
  bool reopen_due_ = false;
  bool went_back_ = false;
};

}  // namespace lastseen::sim
