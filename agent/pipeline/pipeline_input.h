// What a pipeline is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/workers.h"
#include "parsers/parser.h"
#include "source/source.h"

namespace lastseen {

struct PipelineOptions {
  std::string agent_id;
  std::string store = {};  ///< store_place() of it
  uint64_t clients_max = 100'000;
  int64_t flush_interval_ms = 1000;
  uint64_t flush_clients = 0;  ///< 0: half of clients_max
  int64_t resolution_ms = 0;   ///< The flusher withholds by it; 0: what it withheld before is due.
  bool once = false;           ///< Stop by itself when every source is drained.
  uint64_t hash_seed = 0;
  /// Parse what is much for one; outlive the pipeline and are the same as long as it lives.
  std::shared_ptr<Workers> workers = std::make_shared<NoWorkers>();
  /// What a worker reads of a file at a time, where there is much to catch up with: it stays in the
  /// cache of its core until it is parsed.
  size_t piece_bytes = 256 * 1024;
};

/// Into how many pieces a chunk is split at most.
size_t pieces_max(const Workers& workers);

/// How often the spill is written at most.
int64_t spill_interval_ms(const PipelineOptions& options);

/// One input of the configuration, built.
struct PipelineInput {
  std::string name;
  std::unique_ptr<Source> source;
  std::unique_ptr<Parser> parser;
  /// One more for each further worker that may parse lines of this input.
  std::vector<std::unique_ptr<Parser>> more_parsers = {};
  size_t line_bytes_max = 1 << 20;
  bool arrival_time = false;  ///< `clock: arrival`: a sighting carries when it was read.
  /// It cannot wait: it is read also before positions are known, may fill the whole buffer, and
  /// what finds no room there is lost.
  bool urgent = false;
  /// What was read exists nowhere else: it survives a store that went back, and goes into the
  /// spill.
  bool feed = false;
  /// Clients a second that it may add to the table; 0: none; nullopt: any number.
  std::optional<uint64_t> new_per_second_max = std::nullopt;
};

}  // namespace lastseen
