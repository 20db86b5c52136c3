// Verbs for tests of format strings: one format, one line, and what is read from it.
#pragma once

#include <memory>
#include <string>

#include "unit/parsers/lines.h"

namespace lastseen {

inline Result<std::unique_ptr<Parser>> compile(const char* dialect, const std::string& format) {
  ParserSettings settings;
  settings.type = "log_format";
  settings.dialect = dialect;
  settings.format = format;
  return make_parser(settings, {});
}

/// The id in quotes or the reason, and the time if there is one.
inline std::string read(const char* dialect, const std::string& format, const std::string& line) {
  const auto parser = compile(dialect, format);
  if (!parser) return parser.status().message();
  const ParseResult result = (*parser)->parse(line);
  return to_text(result) + (result.has_time ? " " + std::to_string(result.seen_at_ms) : "");
}

inline std::string nginx(const std::string& format, const std::string& line) {
  return read("nginx", "$msec " + format, "1795322705.342 " + line);
}
inline std::string haproxy(const std::string& format, const std::string& line) {
  return read("haproxy", "%Ts.%ms " + format, "1795322705.342 " + line);
}
inline std::string apache(const std::string& format, const std::string& line) {
  return read("apache", "%{msec}t " + format, "1795322705342 " + line);
}
inline std::string envoy(const std::string& format, const std::string& line) {
  return read("envoy", "%START_TIME(%s.%3f)% " + format, "1795322705.342 " + line);
}

inline constexpr const char* kA = "'A' 1795322705342";
inline constexpr const char* kNone = "no_client_id 1795322705342";
inline constexpr const char* kCut = "truncated 1795322705342";

inline std::string problem(const char* dialect, const std::string& format) {
  const auto parser = compile(dialect, format);
  return parser ? "" : parser.status().message();
}

}  // namespace lastseen
