// What the commands of the command line have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "config/load.h"
#include "store/store.h"
#include "store/store_admin.h"

namespace lastseen {

/// One line on stderr; returns kExitFailed or kExitUsage.
int fail(const std::string& message);
int usage_error(const std::string& message);

/// The file, checked also for what only the parsers know.
LoadResult load_checked(const std::string& path);

/// nullopt: every error was printed with its place.
std::optional<Config> load_or_explain(const std::string& path);

/// For commands that end at once: only what went wrong, in words for a person.
std::unique_ptr<ReopenableLog> quiet_log();

/// A store and its log, for one command.
struct OpenStore {
  std::unique_ptr<ReopenableLog> log;
  std::unique_ptr<Store> store;
};
Result<OpenStore> open_store(const Config& config, bool read_only);

/// Whether a live agent listens there; a file left by a dead one does not answer.
bool agent_answers(const std::string& socket);

/// Rows under a heading, columns lined up by code points, two blanks apart; on stdout. Cells must
/// be fit for a terminal.
void print_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace lastseen
