// From a source's bytes to counted lines. Parsing may be shared out to several threads; counting
// goes on in the order of the lines, on the ingest thread alone.
#include <algorithm>
#include <functional>
#include <span>

#include "pipeline/pipeline.h"

namespace lastseen {

namespace {

// One read of a single thread; larger gains nothing (measured: 256 KiB is within 4 % of 1 MiB).
constexpr size_t kReadBytesAlone = 256 * 1024;

// With more threads, for each of them: a round costs some microseconds of waiting for the last.
constexpr size_t kReadBytesPerWorker = 512 * 1024;

// Less is not worth waking a thread for.
constexpr size_t kSplitBytesMin = 64 * 1024;

// So that the last of a chunk is not waited for long, and counting goes on beside parsing.
constexpr size_t kPiecesPerWorker = 8;

// What is read behind a piece of a stretch, to the end of its last line; if that does not do, as
// much again as the piece has.
constexpr size_t kLastLineBytes = 4 * 1024;

// Of a stretch of the shortest lines.
constexpr size_t kPieceBytesMin = 4 * 1024;

// Read between two looks at deadlines, replies and the stop; a few milliseconds. At least some
// chunks, so that a slow turn is not one of a single input.
constexpr size_t kBytesPerTurn = 4 << 20;
constexpr size_t kChunksPerTurnMin = 4;

// How many sightings before they are merged each of the places that they need is asked for. With
// 10,000 clients the buffer is larger than a core's own cache (measured: 6 % of the time of a
// line).
constexpr size_t kSlotAhead = 24;
constexpr size_t kEntryAhead = 16;
constexpr size_t kIdAhead = 8;

void prefetch_sightings(const DedupBuffer& buffer, std::span<const ParsedLine> lines, size_t at) {
  if (at + kSlotAhead >= lines.size()) return;
  buffer.prefetch_slot(lines[at + kSlotAhead].hash);
  buffer.prefetch_entry(lines[at + kEntryAhead].hash);
  buffer.prefetch_id(lines[at + kIdAhead].hash);
}

// Whole lines, about as many bytes in each piece; what is no whole line is in the last one.
void split_bytes(const Chunk& chunk, size_t from, size_t parts, std::vector<Piece>& pieces) {
  const size_t size = chunk.bytes.size();
  const size_t rest = size - from;
  for (size_t part = 1, begin = from; part <= parts && begin < size; ++part) {
    size_t end = std::max(begin, from + rest * part / parts);
    if (part < parts) end = std::min(size, chunk.bytes.find('\n', end)) + 1;
    end = std::min(size, end);
    Piece& piece = pieces.emplace_back();
    piece.bytes = chunk.bytes.substr(begin, end - begin);
    piece.at_end = chunk.at_end && end == size;
    piece.offset = begin;
    begin = end;
  }
}

void split_records(const Chunk& chunk, size_t from, size_t parts, std::vector<Piece>& pieces) {
  const auto first = std::upper_bound(chunk.ends.begin(), chunk.ends.end(), from);
  const std::span<const uint32_t> ends(first, chunk.ends.end());
  for (size_t part = 0; part < parts; ++part) {
    const size_t begin = ends.size() * part / parts;
    const size_t end = ends.size() * (part + 1) / parts;
    if (begin == end) continue;
    Piece& piece = pieces.emplace_back();
    piece.offset = begin == 0 ? from : ends[begin - 1];
    piece.bytes = chunk.bytes.substr(piece.offset, ends[end - 1] - piece.offset);
    piece.ends = ends.subspan(begin, end - begin);
  }
}

void split_stretch(const Stretch& stretch, size_t parts, std::vector<Piece>& pieces) {
  for (size_t part = 0; part < parts; ++part) {
    Piece& piece = pieces.emplace_back();
    piece.passing = true;
    piece.offset = stretch.size * part / parts;
    piece.size = stretch.size * (part + 1) / parts - piece.offset;
  }
}

// Reads the lines that begin in the piece, and has it begin with the first of them. Where that
// cannot be, for whatever reason, it does not begin where the piece before it ends.
void read_piece(const Stretch& stretch, ReadBuffer& buffer, Piece& piece) {
  // The byte before it tells whether a line begins with the first.
  const uint64_t position = stretch.position + piece.offset - 1;
  size_t length = piece.size + kLastLineBytes;
  Result<std::string_view> bytes = buffer.read(*stretch.file, position, length);
  if (bytes && bytes->size() == length && bytes->find('\n', piece.size) == std::string_view::npos)
    bytes = buffer.read(*stretch.file, position, length + piece.size);
  const size_t first = bytes ? bytes->find('\n') : std::string_view::npos;
  if (first == std::string_view::npos) {
    piece.offset = SIZE_MAX;
    return;
  }
  const size_t last = std::min(bytes->find('\n', piece.size), bytes->size() - 1);
  piece.bytes = bytes->substr(first + 1, last - first);
  piece.offset += first;
}

// The line that begins there, without what ends it.
std::string_view line_at(const Piece& piece, size_t begin) {
  size_t end = std::min(piece.bytes.find('\n', begin), piece.bytes.size());
  if (!piece.ends.empty()) {
    const auto next = std::upper_bound(piece.ends.begin(), piece.ends.end(), piece.offset + begin);
    end = (next == piece.ends.end() ? piece.offset + piece.bytes.size() : *next) - piece.offset;
  }
  return without_line_end(piece.bytes.substr(begin, end - begin));
}

}  // namespace

size_t pieces_max(const Workers& workers) {
  return workers.count() == 1 ? 1 : workers.count() * kPiecesPerWorker;
}

// A feed is taken in at any time. Files wait until it is known where they are to begin, and while
// the buffer is full.
bool Pipeline::may_read(const Input& input) const {
  if (input.parts.urgent) return true;
  if (input.leaving) return false;
  return loaded_ && input.begun && !stopping_ && !full_;
}

// Lets sources read in turns; whether there may be more at once.
bool Pipeline::read_turn(Now now) {
  const size_t workers = options_.workers->count();
  const size_t chunk_bytes = workers == 1 ? kReadBytesAlone : kReadBytesPerWorker * workers;
  const size_t chunks_max = std::max(kBytesPerTurn / chunk_bytes, kChunksPerTurnMin);
  size_t dry = 0;  // sources in a row that had nothing
  for (size_t chunks = 0; chunks < chunks_max;) {
    Input& input = *inputs_[turn_];
    turn_ = (turn_ + 1) % inputs_.size();
    if (may_read(input) && read_chunk(input, now)) {
      dry = 0;
      ++chunks;
    } else if (++dry == inputs_.size()) {
      return false;
    }
  }
  return true;
}

bool Pipeline::read_chunk(Input& input, Now now) {
  // While lines find no room, more of them would be parsed in vain.
  const bool shared = !input.parts.more_parsers.empty() && !cramped_;
  ReadBuffer& buffer = buffers_.front();
  buffer.read_bytes = shared ? kReadBytesPerWorker * buffers_.size() : kReadBytesAlone;
  // Lines that somebody looks at have to stay at hand.
  buffer.stretch_bytes = shared && taps_ == nullptr ? input.piece_bytes * parsed_.size() : 0;
  std::optional<Chunk> chunk = input.parts.source->read(buffer, now);
  if (!chunk) return false;
  size_t used = 0;
  bool discarding = chunk->discarding;
  bool more = true;
  std::string last_bytes;
  size_t lines_most = 0;  // of a piece
  const auto count = [&](size_t i) {
    const Piece& piece = pieces_[i];
    const ParsedLines& parsed = parsed_[i];
    more = false;
    if (piece.offset != used) return false;  // a line that is too long for a piece, or an error
    if (piece.passing && budget_.used() + parsed.lines().size() > budget_.files_max()) {
      cramped_ = true;  // what stands before a line that is refused has to be at hand
      return false;
    }
    const size_t counted = count_lines(input, parsed, now);
    if (taps_ != nullptr) show_lines(input, piece, parsed, counted);
    used += counted;
    lines_most = std::max(lines_most, parsed.lines().size());
    last_bytes += parsed.last_bytes();
    cramped_ = counted < parsed.consumed();
    discarding = !cramped_ && parsed.discarding();
    more = !cramped_ && parsed.full() && !piece.passing;  // it had more lines than fit
    return !cramped_ && !parsed.full();
  };
  while (more) {
    split(*chunk, used, discarding, shared);
    parse_pieces(input, *chunk, now, std::cref(count));
  }
  input.delta.bytes_read += used;
  if (chunk->stretch.file != nullptr) {
    chunk->bytes = last_bytes;
    fit_pieces(input, lines_most);
  }
  input.parts.source->consume(*chunk, used, discarding);
  return true;
}

// A stretch ends with the first piece that has more lines than fit: what was parsed of those behind
// it was in vain.
void Pipeline::fit_pieces(Input& input, size_t lines_most) const {
  if (lines_most >= ParsedLines::kPassingLinesMax)
    input.piece_bytes = std::max(input.piece_bytes / 2, kPieceBytesMin);
  else if (lines_most < ParsedLines::kPassingLinesMax / 4)
    input.piece_bytes = std::min(input.piece_bytes * 2, options_.piece_bytes);
}

// What of the chunk is not used yet, in as many pieces as are worth it; at least one.
void Pipeline::split(const Chunk& chunk, size_t from, bool discarding, bool shared) {
  pieces_.clear();
  const bool alone = !shared || chunk.bytes.size() - from < kSplitBytesMin;
  const size_t parts = alone ? 1 : parsed_.size();
  if (chunk.stretch.file != nullptr)
    split_stretch(chunk.stretch, parsed_.size(), pieces_);
  else if (chunk.ends.empty())
    split_bytes(chunk, from, parts, pieces_);
  else
    split_records(chunk, from, parts, pieces_);
  if (pieces_.empty()) {
    pieces_.emplace_back().at_end = chunk.at_end;
    pieces_.back().offset = from;
  }
  pieces_.front().discarding = discarding;
}

void Pipeline::parse_pieces(Input& input, const Chunk& chunk, Now now, const Workers::Take& take) {
  PipelineInput& parts = input.parts;
  const LineRules rules{parts.line_bytes_max, parts.arrival_time, now.wall_ms,
                        input.buffer.hash_seed()};
  const auto job = [&](size_t part, size_t worker) {
    if (pieces_[part].passing) read_piece(chunk.stretch, buffers_[worker], pieces_[part]);
    Parser& parser = worker == 0 ? *parts.parser : *parts.more_parsers[worker - 1];
    parsed_[part].parse(pieces_[part], rules, parser);
  };
  options_.workers->run(pieces_.size(), std::cref(job), take);
}

// Those that were counted. Of a line that is too long nothing is known but that.
void Pipeline::show_lines(const Input& input, const Piece& piece, const ParsedLines& parsed,
                          size_t counted) {
  for (const ParsedLine& line : parsed.lines()) {
    if (line.sighted && line.begin >= counted) return;
    TappedLine shown{.input = input.parts.name};
    if (line.sighted) {
      shown.client_id = line.client_id;
      shown.seen_at_ms = line.seen_at_ms;
    } else {
      shown.skip = line.skip;
      if (line.skip != SkipReason::kLineTooLong) shown.text = line_at(piece, line.begin);
    }
    taps_->offer(shown);
  }
}

// Counts lines in their order, up to the first that has to wait for room; the bytes before it.
size_t Pipeline::count_lines(Input& input, const ParsedLines& parsed, Now now) {
  const bool urgent = input.parts.urgent;
  const uint64_t clients_max = urgent ? budget_.clients_max() : budget_.files_max();
  const std::span<const ParsedLine> lines = parsed.lines();
  for (size_t i = 0; i < lines.size(); ++i) {
    prefetch_sightings(input.buffer, lines, i);
    const ParsedLine& line = lines[i];
    if (!line.sighted) {
      input.delta.skip(line.skip);
    } else if (input.buffer.add(line.client_id, line.hash, line.seen_at_ms, clients_max)) {
      if (oldest_pending_mono_ms_ == 0) oldest_pending_mono_ms_ = now.mono_ms;
    } else if (urgent) {
      ++input.delta.lost[static_cast<size_t>(LossReason::kBufferFull)];
    } else {
      full_ = true;
      return line.begin;
    }
    ++input.delta.lines_read;
  }
  return parsed.consumed();
}

}  // namespace lastseen
