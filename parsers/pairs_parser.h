// What the formats of one flat list of names and values have in common.
#pragma once

#include <string_view>

#include "parsers/field_names.h"
#include "parsers/line_fields.h"
#include "parsers/line_shape.h"
#include "parsers/line_window.h"
#include "parsers/parser.h"
#include "parsers/sighting_rules.h"

namespace lastseen {

class PairsParser : public Parser {
 public:
  ParseResult parse(std::string_view line) final;
  void explain(Explanation* out) final;

 protected:
  /// `name`: of the format, as the configuration has it; lives as long as the program.
  PairsParser(const char* name, const ParserSettings& settings, const ParserOptions& options);

  /// Sets the fields that the line has. False, and the misfit tells from where on: it is none of
  /// the format.
  virtual bool read_line(std::string_view line) = 0;

  const FieldNames names_;
  LineWindow window_;
  LineShape shape_;
  LineJoint joint_;  // that was read last
  LineFields fields_;
  std::string_view misfit_;

 private:
  const char* const name_;
  SightingRules rules_;
  bool good_ = false;  // what the last line was
};

}  // namespace lastseen
