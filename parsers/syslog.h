// The header that syslog puts before a message.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "parsers/parser.h"

namespace lastseen {

/// What stands behind the header, or nothing when there is none. Knows RFC 5424, RFC 3164 as it is
/// written (with or without host name and process id, with a time of either kind), and both as
/// rsyslog writes them into files, without the priority.
std::optional<std::string_view> skip_syslog_header(std::string_view line);

/// Takes the header off and gives the rest to the parser of what is inside. A line without one is
/// malformed. The header's own time is never used: it is that of the logging, and often has neither
/// year nor offset.
class SyslogParser : public Parser {
 public:
  explicit SyslogParser(std::unique_ptr<Parser> inner) : inner_(std::move(inner)) {}
  ParseResult parse(std::string_view line) override;
  void explain(Explanation* out) override;

 private:
  const std::unique_ptr<Parser> inner_;
  std::string_view line_;    // the last one …
  bool has_header_ = false;  // … and whether it had a header
};

}  // namespace lastseen
