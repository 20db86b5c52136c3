// Which rows the store keeps of an input of files: few, and never none.
//
// Without a row nothing would lead to a file that appeared, was rotated and was read, all before
// the first commit of its position. So while no file has a row the input has one of its own, the
// anchor: it stands for a file that was here when we looked last and is gone. What was born since
// is found behind it as behind any other.
//
// A chain that is not followed to its end has such an anchor, too: after a kill it is followed from
// there, whatever became of the file that it began with.
//
// What the path named before it was changed keeps its row under another key: should the path come
// back, it goes on where it was left. A path may also be changed while the agent is down. A row
// whose name the path does not give tells of that, unless the file was there by a link that leads
// elsewhere now, or was given an odd name by hand. While there are such rows, the path has one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/batch.h"
#include "source/log_names.h"

namespace lastseen {

/// What the store has of one input, or is being sent. Owned by its source.
class StoredRows {
 public:
  // How the keys of rows begin that are no files'; those of files are 16 hexadecimal digits.
  static constexpr const char* kAnchorKey = "anchor";
  static constexpr const char* kLeftKey = "left";
  static constexpr const char* kPathKey = "path";

  static bool is_anchor(const Position& row);
  static bool is_path(const Position& row);
  /// Whether it is the anchor or the path of the input itself.
  static bool is_of_input(const Position& row);
  static bool is_left(const Position& row);
  /// The row of a file that the path does not name any more.
  static Position left_of(Position position);
  /// The position that was left.
  static Position of_left(Position row);

  /// What the store has of the input, whose path is `path`.
  void note(const std::vector<Position>& stored, const std::string& path);
  /// `out`: what is about to be stored; what the input itself has to say is added. `of_path`: all
  /// of its files are known to be of `path`. `looked_ms`: when nothing older was missed.
  void complete(std::vector<Position>& out, const std::string& path, bool of_path,
                int64_t looked_ms);
  /// Whether the rows are known to be of that path, by whichever names.
  bool tells_path(const std::string& path) const { return path_ == path; }
  /// The path that the rows are known to be of; empty: each tells by its name.
  const std::string& path() const { return path_; }
  /// Whether there is one under that key; those of chains and of what was left are not asked for.
  bool has(const std::string& key) const;
  /// Of all rows but anchors of chains and those of files that were left.
  std::vector<std::string> keys() const;

 private:
  void note(const Position& row, const LogNames& names);
  void add_anchor(std::vector<Position>& out, const std::string& path, int64_t looked_ms);
  void add_path(std::vector<Position>& out, const std::string& path);

  std::set<std::string> files_;  // keys
  std::set<std::string> odd_;    // of rows whose names do not tell that they are of the path
  std::string anchor_;           // the path of the anchor; empty: there is none
  std::string path_;             // as the row of the path says; empty: there is none
};

}  // namespace lastseen
