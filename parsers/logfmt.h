// logfmt: `key=value key="a value" …`, as Go's loggers write it and nginx when told to.
#pragma once

#include <string_view>

#include "parsers/pairs_parser.h"

namespace lastseen {

/// Pairs with blanks between. A value in quotes holds backslash escapes (`\"` and JSON's; nginx's
/// `\xHH`), and one without ends at the next blank. A word without `=` is a key without a value.
/// Malformed is a line without any pair, a quote that does not close, and text that touches a
/// closing quote.
class LogfmtParser : public PairsParser {
 public:
  LogfmtParser(const ParserSettings& settings, const ParserOptions& options);

 private:
  bool read_line(std::string_view line) override;
  const LineJoint* read_joint(LineShape::Place* place, const char* p, const char* end);
};

}  // namespace lastseen
