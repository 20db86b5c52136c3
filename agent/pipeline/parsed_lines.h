// What the lines of a piece of a stream say, in their order, before any of them is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "base/reason.h"
#include "parsers/parser.h"
#include "pipeline/line_framer.h"

namespace lastseen {

struct ParsedLine {
  std::string_view client_id;  ///< Set when sighted; valid as long as the piece and its lines are.
  uint64_t hash = 0;           ///< Of the client_id, set when sighted.
  int64_t seen_at_ms = 0;      ///< Meaningful when sighted.
  uint32_t begin = 0;          ///< Where it begins in the piece, bytes.
  bool sighted = false;
  SkipReason skip = SkipReason::kMalformed;  ///< Meaningful when not sighted.
};

/// A piece of a chunk: whole lines, and behind the last of them perhaps a part of one.
struct Piece {
  std::string_view bytes;
  bool discarding = false;         ///< It begins inside a line that was counted as too long.
  bool at_end = false;             ///< Nothing follows: an unfinished last line is a line.
  std::span<const uint32_t> ends;  ///< Of a feed: where its records end, in the piece's chunk.
  size_t offset = 0;               ///< Where the piece begins in the chunk, bytes.
  /// Of a stretch: read just before parse() and gone after it, so what is needed is copied.
  bool passing = false;
  size_t size = 0;  ///< Before it is read: how many bytes of the stretch are its.
};

/// How the lines of an input are read.
struct LineRules {
  size_t line_bytes_max = 0;
  bool arrival_time = false;  ///< A sighting is at `now_ms`, whatever its line says.
  int64_t now_ms = 0;         ///< Wall time.
  uint64_t hash_seed = 0;
};

/// Parsing apart from counting is what lets several threads parse one file while its lines are
/// still counted one after the other, and a line that finds no room in the buffer ends what is
/// counted exactly before it. Memory is kept; once warm, nothing is allocated.
class ParsedLines {
 public:
  /// More lines than these are left for the next time: so many fit into a core's cache. (Lines
  /// that are too long do not count: there cannot be many.)
  static constexpr size_t kLinesMax = 4096;
  /// In a passing piece, which is read again if it has more.
  static constexpr size_t kPassingLinesMax = 2 * kLinesMax;

  ParsedLines() { lines_.reserve(kLinesMax); }

  /// Takes the place of what was parsed before. Touches nothing but this and the parser.
  void parse(const Piece& piece, const LineRules& rules, Parser& parser);

  const std::vector<ParsedLine>& lines() const { return lines_; }
  /// Bytes of the piece up to the end of the last of the lines; what is behind is no whole line,
  /// or did not fit.
  size_t consumed() const { return consumed_; }
  bool discarding() const { return discarding_; }  ///< That place is inside a too long line.
  bool full() const { return full_; }              ///< There may be more lines.
  /// Of a passing piece: the last bytes before consumed(), Stretch::kLastBytes or all.
  std::string_view last_bytes() const { return last_bytes_; }

 private:
  void parse_records(const Piece& piece, const LineRules& rules, Parser& parser);
  void parse_line(std::string_view line, size_t begin, const LineRules& rules, Parser& parser);

  std::vector<ParsedLine> lines_;
  bool ids_stay_ = true;  // those that stand in their line as they are
  IdArena ids_;           // the others
  std::string last_bytes_;
  size_t consumed_ = 0;
  bool discarding_ = false;
  bool full_ = false;
};

}  // namespace lastseen
