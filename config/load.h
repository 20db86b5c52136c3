// From a YAML file to a Config, or to every error in it at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace lastseen {

/// One thing wrong with a configuration, with its place.
struct ConfigError {
  std::string file;
  int line = 0;         ///< 1-based; 0: the file as a whole
  int column = 0;       ///< 1-based, in bytes; 0: the whole line
  std::string message;  ///< e.g. "unknown key 'intervall'; did you mean 'interval'?"
  /// For people: passwords are masked, a long line is shown in part.
  std::string source_line;
  int caret = 0;  ///< 1-based byte of source_line that `column` became; 0: the same.

  /// "FILE:LINE:COL: message", then the line, then a caret under the column.
  std::string to_string() const;
};

struct LoadResult {
  std::optional<Config> config;     ///< Set when there are no errors.
  std::vector<ConfigError> errors;  ///< All of them, in order of place.
};

/// Gives the value of an environment variable, or nullopt.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// What only the parsers know: whether one can be made of these settings. Gives what is wrong, or
/// an empty text. It is asked only where nothing else is wrong.
using ParserCheck = std::function<std::string(const InputSettings&)>;

/// What is known elsewhere, for the loader to say it with its place.
struct Checks {
  ParserCheck parser = {};
  /// Of connection strings, all that libpq has; empty: any may be right.
  std::vector<std::string> connection_keywords = {};
};

/// Reads a file. A missing, unreadable or empty file and a directory are one ConfigError each.
LoadResult load_config(const std::string& path, const Environment& environment,
                       const Checks& checks = {});

/// The same from text; `file` is the name that errors carry.
LoadResult parse_config(std::string_view yaml, const std::string& file,
                        const Environment& environment, const Checks& checks = {});

/// The process's own environment.
Environment process_environment();

/// Every key there is, as a path: "flush.interval", "inputs[].parser.type". What documents the
/// configuration is tested against this list.
std::vector<std::string> known_keys();

/// "200ms", "1s", "5m", "24h", "7d"; nullopt for anything else, also for a bare number other
/// than 0.
std::optional<Milliseconds> parse_duration(std::string_view text);

}  // namespace lastseen
