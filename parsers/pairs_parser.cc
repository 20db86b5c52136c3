#include "parsers/pairs_parser.h"

namespace lastseen {

PairsParser::PairsParser(const char* name, const ParserSettings& settings,
                         const ParserOptions& options)
    : names_(settings, options.client_id, FieldNames::Shape::kFlat), name_(name), rules_(options) {}

ParseResult PairsParser::parse(std::string_view line) {
  fields_.clear();
  ParseResult result;
  good_ = read_line(line);
  rules_.find_time(fields_, &result);
  if (good_) rules_.find_id(fields_, &result);
  return result;
}

void PairsParser::explain(Explanation* out) {
  out->parser = name_;
  if (!good_) out->misfit = misfit_;
  rules_.explain(
      fields_, good_, [this](uint8_t slot, uint8_t rank) { return names_.name_of(slot, rank); },
      out);
}

}  // namespace lastseen
