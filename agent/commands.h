// What each command of the command line does; cli.cc only reads the arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace lastseen {

// Each returns an ExitCode. Results go to stdout, everything else to stderr.

struct ParseArguments {
  std::string config_path;  ///< With `input`, or empty with `parser`.
  std::string input;
  std::string parser;
  std::vector<std::string> logs;  ///< Empty: stdin; "-" too.
};

struct ClientsArguments {
  std::string config_path;
  std::string active_within;  ///< A duration, or empty.
  std::string inactive_for;
  std::optional<uint64_t> limit;
  bool count = false;
  bool json = false;
};

int run_command(const std::string& config_path, bool once);
int check_command(const std::string& config_path);
int parse_command(const ParseArguments& arguments);
int clients_command(const ClientsArguments& arguments);
int migrate_command(const std::string& config_path, bool status, bool print);
int status_command(const std::string& socket, bool json);
int flush_command(const std::string& socket);

}  // namespace lastseen
