// What other agents have read, found by what is in a file.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/batch.h"
#include "source/followed_file.h"

namespace lastseen {

/// How the state of a file begins that another agent has read.
inline constexpr std::string_view kReadByAgent = "read by agent ";

/// The positions of other agents by their heads: one file is compared at the cost of reading and
/// hashing its first kHeadBytesMax bytes, however many positions there are.
///
/// A file is another agent's when its first bytes and those before the position are what that
/// agent read. A container that changed its name may see it with another inode, device or birth:
/// those need not agree. But where they do not, and the position stands within the first
/// kHeadBytesMax bytes, nothing is proven: logs of several machines begin with the same header.
class ForeignFiles {
 public:
  ForeignFiles() = default;
  /// `positions`: newest first; null: none.
  explicit ForeignFiles(std::shared_ptr<const std::vector<ForeignPosition>> positions);

  bool empty() const { return by_head_.empty(); }
  /// The agent that read `file`, of several the last; empty: nobody. Of a file that cannot be read
  /// its trouble.
  Result<std::string> reader_of(FollowedFile& file) const;

 private:
  std::shared_ptr<const std::vector<ForeignPosition>> positions_;
  // By length, so that each is reached by going on with the hash of the one before.
  std::map<uint32_t, std::multimap<uint64_t, size_t>> by_head_;  // places in *positions_
};

}  // namespace lastseen
