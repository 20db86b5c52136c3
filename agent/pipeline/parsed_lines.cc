#include "pipeline/parsed_lines.h"

#include <algorithm>
#include <functional>

#include "base/hash.h"
#include "source/source.h"

namespace lastseen {

namespace {

// Whether the parser gave a view of the line, not of its own scratch memory.
bool is_within(std::string_view view, std::string_view line) {
  const std::less_equal<const char*> le;
  return le(line.data(), view.data()) && le(view.data() + view.size(), line.data() + line.size());
}

}  // namespace

void ParsedLines::parse(const Piece& piece, const LineRules& rules, Parser& parser) {
  lines_.clear();
  ids_.clear();
  ids_stay_ = !piece.passing;
  last_bytes_.clear();
  if (!piece.ends.empty()) return parse_records(piece, rules, parser);
  const char* const start = piece.bytes.data();
  const size_t lines_max = piece.passing ? kPassingLinesMax : kLinesMax;
  const LineFramer::Progress progress =
      LineFramer(rules.line_bytes_max)
          .frame(
              piece.bytes, piece.discarding, piece.at_end,
              [&](std::string_view line) {
                if (lines_.size() >= lines_max) return false;
                parse_line(line, static_cast<size_t>(line.data() - start), rules, parser);
                return true;
              },
              [&] { lines_.emplace_back().skip = SkipReason::kLineTooLong; });
  consumed_ = progress.consumed;
  discarding_ = progress.discarding;
  full_ = progress.refused;
  if (!piece.passing) return;
  const size_t last = std::min(consumed_, Stretch::kLastBytes);
  last_bytes_.assign(piece.bytes.substr(consumed_ - last, last));
}

void ParsedLines::parse_records(const Piece& piece, const LineRules& rules, Parser& parser) {
  consumed_ = 0;
  discarding_ = false;
  full_ = piece.ends.size() > kLinesMax;
  for (const uint32_t end : piece.ends.first(std::min(piece.ends.size(), kLinesMax))) {
    const std::string_view line =
        without_line_end(piece.bytes.substr(consumed_, end - piece.offset - consumed_));
    if (line.size() > rules.line_bytes_max) {
      lines_.emplace_back().skip = SkipReason::kLineTooLong;
    } else {
      parse_line(line, consumed_, rules, parser);
    }
    consumed_ = end - piece.offset;
  }
}

void ParsedLines::parse_line(std::string_view line, size_t begin, const LineRules& rules,
                             Parser& parser) {
  const ParseResult parsed = parser.parse(line);
  ParsedLine& taken = lines_.emplace_back();
  taken.begin = static_cast<uint32_t>(begin);
  taken.sighted = parsed.sighted;
  if (!parsed.sighted) {
    taken.skip = parsed.skip;
    return;
  }
  const bool stays = ids_stay_ && is_within(parsed.client_id, line);
  taken.client_id = stays ? parsed.client_id : ids_.add(parsed.client_id);
  taken.hash = hash_bytes(parsed.client_id, rules.hash_seed);
  taken.seen_at_ms = rules.arrival_time ? rules.now_ms : seen_at(parsed, rules.now_ms);
}

}  // namespace lastseen
