// The spill: what feeds brought and no batch has committed, as the bytes of one file. Only this
// knows the format; nothing here touches a disk.
//
//     "lastseen spill 2\n"                     so that a person and another version know it
//     u64   hash of everything that follows    FNV-1a; against torn writes, not against people
//     text  agent_id
//     text  store           whose numbers the batches have; not in version 1
//     u32   parts, and for each
//       u64   batch         the number under which it is committed
//       u64   length, and as many bytes of encode_part()
//
//     a part:   u32 inputs, and for each
//       text  name
//       u32   counters, and for each: text name, u64 value    (the ledger's names)
//       u64   entries, and for each: text client_id, i64 first, i64 last, u64 count
//
// Numbers are little-endian; text is a u32 length and as many bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "base/ledger.h"
#include "base/status.h"

namespace lastseen {

/// What one feed brought. lines_read = settled() + the entries' counts; nothing is committed.
struct SpilledInput {
  std::string name;
  LedgerCounts counts;
  std::vector<Entry> entries;  ///< Their ids belong to somebody else; `input` means nothing.
};

/// Everything that is committed together.
struct SpillPart {
  /// Of the batch that holds it: committed as soon as the fence, by batches_of(), stands at it or
  /// beyond. 0: it has been in none yet.
  uint64_t batch = 0;
  std::string bytes;  ///< encode_part() of its inputs.
};

std::string encode_part(const std::vector<SpilledInput>& inputs);

/// The ids are views into `bytes`. kReject when these are not what encode_part() makes of inputs
/// that balance.
Result<std::vector<SpilledInput>> decode_part(std::string_view bytes);

/// How many lines feeds brought in them.
uint64_t lines_of(const std::vector<SpillPart>& parts);

struct SpillOwner {
  std::string agent_id;
  std::string store = {};  ///< Whose numbers the batches have.
  /// Another name of that store, which a file may have from an older version. Empty: none.
  std::string store_formerly = {};
};

/// The whole file.
std::string encode_spill(const SpillOwner& owner, const std::vector<const SpillPart*>& parts);

/// The parts of a file, each of which decode_part() can read. kReject says what is wrong: it is
/// not whole, not ours, or of another version. In a file that was written for another store no part
/// has been in a batch: that store's numbers mean nothing to ours.
Result<std::vector<SpillPart>> decode_spill(const SpillOwner& owner, std::string_view file);

}  // namespace lastseen
