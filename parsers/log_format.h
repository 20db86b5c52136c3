// The common log format and what grew out of it: `combined`, as nginx and Apache write it.
#pragma once

#include <string_view>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

/// Reads `host ident user [time] "request" status bytes` and, for `combined`, `"referer" "agent"`
/// behind it. What stands before the time may be more than three fields and hold blanks (a user's
/// name may), and further fields may follow: nginx's packaged `main` format, `vhost_combined`.
/// Quoted fields are escaped by backslashes, `\xHH` or `\"`, so they end at the first bare quote.
class LogFormatParser : public Parser {
 public:
  enum class Preset { kCommon, kCombined };

  LogFormatParser(Preset preset, const ParserOptions& options);
  ParseResult parse(std::string_view line) override;

 private:
  /// The parts of a line that are needed.
  struct Fields {
    std::string_view time;
    LoggedText request;
  };

  bool read_line(std::string_view line, Fields* fields) const;

  const Preset preset_;
  const FieldNames names_;
  const FieldUse* const request_;
  LineFields fields_;
  SightingRules rules_;
};

}  // namespace lastseen
