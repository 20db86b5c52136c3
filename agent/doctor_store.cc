// What `doctor` finds in the store.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "command_support.h"
#include "doctor.h"
#include "source/discovery.h"
#include "store/store_admin.h"

namespace lastseen {

namespace {

constexpr int64_t kSkewMs = 2000;

// Above this a page has no room for the new version of a row, so that updates are rarely HOT.
constexpr int kFillfactorAdvised = 90;
constexpr int64_t kRowsThatMatter = 1000;

void look_at_table(const Config& config, const TableFacts& facts, Findings& findings) {
  if (facts.write_error)
    findings.push_back({"store-write", facts.write_error->message});
  else if (!facts.row_refused.empty())
    findings.push_back({"store-write-untested",
                        "the table refused the test row 'doctor', so whether it takes real ones is "
                        "not known: " +
                            escape_for_log(facts.row_refused)});
  if (!facts.last_seen_indexes.empty())
    findings.push_back({"index-last-seen",
                        "index " + escape_for_log(facts.last_seen_indexes) +
                            " is over last_seen: every update writes it too and none is HOT, which "
                            "halves the throughput; drop it unless you need it"});
  if (facts.fillfactor > kFillfactorAdvised && facts.rows >= kRowsThatMatter)
    findings.push_back(
        {"fillfactor", config.store.table + " has fillfactor " + std::to_string(facts.fillfactor) +
                           ": updates find no room on their page; run: ALTER TABLE " +
                           config.store.table +
                           " SET (fillfactor = 50), then VACUUM FULL or "
                           "wait for new rows"});
  int length_max = config.client_id.length_max;
  for (const InputSettings& input : config.inputs)
    length_max = std::max(length_max, input.client_id.length_max);
  if (facts.id_length_max > 0 && facts.id_length_max < length_max)
    findings.push_back(
        {"id-column-narrow",
         "the id column takes " + std::to_string(facts.id_length_max) +
             " characters and client_id.length_max is " + std::to_string(length_max) +
             ": longer ids go to the quarantine; widen the column or lower the key"});
}

void look_at_clock(int64_t clock_ms, Now asked, Now answered, Findings& findings) {
  const int64_t ahead_ms = clock_ms - (asked.wall_ms + answered.wall_ms) / 2;
  if (std::abs(ahead_ms) <= kSkewMs + (answered.wall_ms - asked.wall_ms)) return;
  findings.push_back(
      {"clock-skew",
       "the database's clock is " + std::to_string(std::abs(ahead_ms) / 1000) +
           (ahead_ms > 0 ? " s ahead of" : " s behind") +
           " this machine's: questions such as 'active within 1h' are off by that, and "
           "times beyond last_seen.future_max are cut; run NTP on both"});
}

void look_inside(const Config& config, Store& store, Findings& findings) {
  StoreAdmin* admin = store.admin();
  if (admin == nullptr) return;
  const SystemClock clock;
  const Now asked = clock.now();
  const auto facts = admin->examine(config.agent_id);
  if (!facts) return findings.push_back({"store-write", facts.status().message()});
  look_at_table(config, *facts, findings);
  if (facts->clock_ms) look_at_clock(*facts->clock_ms, asked, clock.now(), findings);
}

// The agent makes the file and its tables itself, so there may be none yet.
void look_at_sqlite(const Config& config, Findings& findings) {
  const std::string& path = config.store.path;
  const bool there = access(path.c_str(), F_OK) == 0;
  std::string directory = directory_of(path);
  if (!there && access(directory.c_str(), F_OK) != 0) directory = directory_of(directory);
  for (const std::string& needed : {directory, there ? path : directory}) {
    if (access(needed.c_str(), W_OK) == 0) continue;
    return findings.push_back(
        {"store-write", "SQLite: " + escape_for_log(needed) + ": " + std::strerror(errno) +
                            "; the agent's user must be able to write the file "
                            "and its directory"});
  }
  if (!there) return;
  const auto open = open_store(config, false);
  if (!open) return findings.push_back({"store-write", open.status().message()});
  look_inside(config, *open->store, findings);
}

}  // namespace

void look_at_store(const Surroundings& around, Findings& findings) {
  const Config& config = around.config;
  if (config.store.type == "sqlite") return look_at_sqlite(config, findings);
  if (config.store.type != "postgres") return;
  const auto open = open_store(config, false);
  if (!open) return findings.push_back({"store-unreachable", open.status().message()});
  if (const auto trouble = open->store->probe(config.agent_id)) {
    const bool holds = trouble->trouble == StoreTrouble::kHolding;
    return findings.push_back({holds ? "store-refuses" : "store-unreachable", trouble->message});
  }
  look_inside(config, *open->store, findings);
}

}  // namespace lastseen
