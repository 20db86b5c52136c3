// Puts the offset of a place on times that were written without one.
#pragma once

#include <memory>
#include <utility>

#include "parsers/parser.h"
#include "parsers/time_zone.h"

namespace lastseen {

/// A parser in front of any other.
class LocalTimeParser final : public Parser {
 public:
  LocalTimeParser(std::unique_ptr<Parser> parser, TimeZone zone)
      : parser_(std::move(parser)), zone_(std::move(zone)) {}

  ParseResult parse(std::string_view line) override {
    ParseResult result = parser_->parse(line);
    if (!result.has_time || !result.local_time) return result;
    const TimeZone::Utc time = zone_.to_utc(result.seen_at_ms);
    result.seen_at_ms = time.ms;
    result.fold_ms = time.fold_ms;
    return result;
  }
  void explain(Explanation* out) override { parser_->explain(out); }

 private:
  std::unique_ptr<Parser> parser_;
  TimeZone zone_;
};

}  // namespace lastseen
