// What cli*.cc have in common: the values that options are bound to, and options of many commands.
#pragma once

#include <optional>
#include <string>

#include "commands.h"
#include "exit_code.h"

namespace CLI {
class App;
}

namespace lastseen {

inline constexpr const char* kConfigDefault = "/etc/lastseen/lastseen.yaml";
inline constexpr const char* kSocketDefault = "/run/lastseen/control.sock";

/// One command: its options are bound to members, which live as long as the program parses.
struct Arguments {
  std::string config = kConfigDefault;
  std::string socket = kSocketDefault;
  std::string timeout = "60s";
  bool once = false;
  bool json = false;
  bool status = false;
  bool print = false;
  ParseArguments parse;
  BackfillArguments backfill;
  ClientsArguments clients;
  ForgetArguments forget;
  QuarantineArguments quarantine;
  PositionsArguments positions;
  TapArguments tap;
  TopArguments top{"", "1s", std::nullopt};
  DoctorArguments doctor;
  bool sqlstate = false;
  int code = kExitDone;
};

/// For ->check(): the library would take -1 for the largest number there is.
std::string whole_number(const std::string& text);
std::string number_from_one(const std::string& text);
void add_config(CLI::App& command, Arguments& arguments);
void add_socket(CLI::App& command, Arguments& arguments);

// cli_live.cc: the running agent.
void add_status(CLI::App& app, Arguments& arguments);
void add_top(CLI::App& app, Arguments& arguments);
void add_tap(CLI::App& app, Arguments& arguments);
void add_flush(CLI::App& app, Arguments& arguments);
void add_reload(CLI::App& app, Arguments& arguments);

// cli_store.cc: the store.
void add_clients(CLI::App& app, Arguments& arguments);
void add_migrate(CLI::App& app, Arguments& arguments);
void add_quarantine(CLI::App& app, Arguments& arguments);
void add_positions(CLI::App& app, Arguments& arguments);

}  // namespace lastseen
