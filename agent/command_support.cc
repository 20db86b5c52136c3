#include "command_support.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "control/control_client.h"
#include "exit_code.h"
#include "parsers/parser.h"
#include "store/postgres_conninfo.h"
#include "store/registry.h"

namespace lastseen {

namespace {

// Width by code points, so that ids beyond ASCII line up in most terminals.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

int fail(const std::string& message) {
  std::cerr << "lastseen: " << message << '\n';
  return kExitFailed;
}

int usage_error(const std::string& message) {
  std::cerr << "lastseen: " << message << '\n';
  return kExitUsage;
}

LoadResult load_checked(const std::string& path) {
  Checks checks;
  checks.connection_keywords = postgres_keywords();
  checks.parser = [](const InputSettings& input) -> std::string {
    if (input.parser.type == "plugin") return {};  // is loaded only where it is used
    ParserOptions options;
    options.client_id = input.client_id;
    options.time_zone = input.time_zone;
    return make_parser(input.parser, options).status().message();
  };
  return load_config(path, process_environment(), checks);
}

std::optional<Config> load_or_explain(const std::string& path) {
  LoadResult loaded = load_checked(path);
  for (const ConfigError& error : loaded.errors) std::cerr << error.to_string() << '\n';
  return std::move(loaded.config);
}

std::unique_ptr<ReopenableLog> quiet_log() {
  return make_log(LogLevel::kWarn, false, "");
}

Result<OpenStore> open_store(const Config& config, bool read_only) {
  OpenStore open{quiet_log(), nullptr};
  auto store = make_store(config.store, config.last_seen.future_max, read_only, *open.log);
  if (!store) return store.status();
  open.store = std::move(*store);
  return open;
}

bool agent_answers(const std::string& socket) {
  constexpr Milliseconds kAnswerMs = 1000;
  return !socket.empty() && ask_agent(socket, "GET", "/healthz", kAnswerMs, SystemClock()).is_ok();
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - width_of(row[i]) + 2, ' ');
    }
    std::cout << line << '\n';
  }
}

}  // namespace lastseen
