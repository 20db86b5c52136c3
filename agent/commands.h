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
  std::string dialect;     ///< Of `parser`, as are the next four: the keys of a configuration.
  std::string log_format;  ///< The key `format`.
  std::string preset;
  std::string regex;
  bool syslog = false;
  bool explain = false;           ///< For people, instead of JSON.
  std::vector<std::string> logs;  ///< Empty: stdin; "-" too.
};

struct ClientsArguments {
  std::string config_path;
  std::optional<std::string> active_within;  ///< A duration.
  std::optional<std::string> inactive_for;   ///< A duration.
  std::optional<uint64_t> limit;
  bool count = false;
  bool json = false;
};

struct ForgetArguments {
  std::string config_path;
  std::string client_id;
};

struct TapArguments {
  std::string socket;
  std::string input;      ///< Empty: of all.
  std::string client_id;  ///< Empty: any.
  bool only_skipped = false;
  std::string skipped;  ///< With `only_skipped`: for this reason; empty: any.
  std::optional<uint64_t> limit;
  bool json = false;
};

/// ID…: rows of lastseen_quarantine.
struct QuarantineArguments {
  std::string config_path;
  std::vector<int64_t> ids;
  bool all = false;
  bool json = false;
};

struct PositionsArguments {
  std::string config_path;
  std::string agent_id;  ///< Empty: the configuration's.
  std::string input;
  std::string file;       ///< A path or a stream's key.
  uint64_t position = 0;  ///< Bytes.
  bool all = false;       ///< Every agent of the store.
  bool force = false;     ///< Also while the agent runs.
  bool json = false;
  std::string from;   ///< `take`: whose positions.
  bool copy = false;  ///< `take`: they stay that agent's too.
};

struct BackfillArguments {
  std::string config_path;
  std::string input;  ///< Empty: told by the logs' paths.
  std::vector<std::string> logs;
};

struct TopArguments {
  std::string socket;
  std::string interval;           ///< A duration.
  std::optional<uint64_t> count;  ///< Frames; none: until `q`, or one without a terminal.
};

struct DoctorArguments {
  std::string config_path;
  std::string etc = "/etc";  ///< Where the configurations of nginx and logrotate are.
  bool strict = false;       ///< Warnings fail too.
  bool json = false;
  bool list = false;  ///< Only the kinds of findings.
};

int run_command(const std::string& config_path, bool once);
int check_command(const std::string& config_path);
int parse_command(const ParseArguments& arguments);
int backfill_command(const BackfillArguments& arguments);
int clients_command(const ClientsArguments& arguments);
int clients_forget_command(const ForgetArguments& arguments);
int migrate_command(const std::string& config_path, bool status, bool print);
int status_command(const std::string& socket, bool json);
int top_command(const TopArguments& arguments);
int tap_command(const TapArguments& arguments);
int reload_command(const std::string& socket, const std::string& timeout);
int flush_command(const std::string& socket, const std::string& timeout);

int quarantine_list_command(const QuarantineArguments& arguments);
int quarantine_show_command(const QuarantineArguments& arguments);
int quarantine_replay_command(const QuarantineArguments& arguments);
int quarantine_drop_command(const QuarantineArguments& arguments);

int positions_list_command(const PositionsArguments& arguments);
int positions_set_command(const PositionsArguments& arguments);
int positions_forget_command(const PositionsArguments& arguments);
int positions_take_command(const PositionsArguments& arguments);

int doctor_command(const DoctorArguments& arguments);
/// Prints what each SQLSTATE means to the agent.
int doctor_sqlstate_command();

}  // namespace lastseen
