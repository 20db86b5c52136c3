// LTSV, http://ltsv.org: `label:value` with tabs between.
#pragma once

#include <string_view>

#include "parsers/pairs_parser.h"

namespace lastseen {

/// Labels are letters, digits, `_`, `.` and `-`; anything else is malformed. Values are taken to
/// have backslash escapes, as nginx and Apache write them: without these a tab in a value could not
/// be told from the one behind it.
class LtsvParser : public PairsParser {
 public:
  LtsvParser(const ParserSettings& settings, const ParserOptions& options);

 private:
  bool read_line(std::string_view line) override;
  const LineJoint* read_label(LineShape::Place* place, const char* p, const char* end);
};

}  // namespace lastseen
