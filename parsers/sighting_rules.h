// From the fields of a line to its result: the time, the places at which an id may stand, and what
// the configuration allows. Every format ends here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "base/status.h"
#include "parsers/client_id.h"
#include "parsers/line_fields.h"
#include "parsers/parser.h"
#include "parsers/path_pattern.h"
#include "parsers/timestamp.h"

namespace lastseen {

/// A parser's use of it, for each line:
///
///     fields_.clear();
///     const bool good = read_line(line, &fields_);  // fields_.set(*names_.find(name), …)
///     rules_.find_time(fields_, &result);           // of a malformed line as well
///     if (good) rules_.find_id(fields_, &result);
class SightingRules {
 public:
  /// kFatal for a pattern that is no regular expression.
  static Status check(const ParserOptions& options);

  /// The options must have passed check().
  explicit SightingRules(const ParserOptions& options);

  /// The first time by rank that can be read. A parser that knows better sets the result's itself.
  void find_time(const LineFields& fields, ParseResult* result);
  /// Sets everything else. The result's time must have been set.
  void find_id(const LineFields& fields, ParseResult* result);

  /// The name of the field that has a slot and rank.
  using FieldNamer = std::function<std::string(uint8_t slot, uint8_t rank)>;
  /// Asks everything once more, and tells. `good`: find_id() was called.
  void explain(const LineFields& fields, bool good, const FieldNamer& name_of, Explanation* out);

 private:
  struct Place {
    IdPlace::Kind kind;
    std::string_view origin;
    std::string name;
    uint8_t slot;
    uint8_t shared_slot;
    PathPattern path;                    // of a path only
    std::unique_ptr<BodyFinder> finder;  // of a body or a token only
  };

  void find_other_time(const LineFields& fields, ParseResult* result);
  IdAnswer ask(const Place& place, const LineFields& fields);
  IdAnswer ask_bodies(const Place& place, const LineFields& fields);
  IdAnswer ask_body(const Place& place, const FieldValue& body);
  IdAnswer ask_captures(const Place& place, std::string_view captures, bool cut);
  IdAnswer ask_query(const Place& place, const LineFields& fields);
  IdAnswer ask_target(const Place& place, const FieldValue& target);
  IdAnswer ask_path(const Place& place, const LineFields& fields);
  IdAnswer ask_field(const Place& place, const FieldValue& value);
  /// The value without its coding; null where it is not what it should be.
  const LoggedText* text_of(const FieldValue& value) {
    return value.coding == FieldCoding::kNone ? &value.text : decode(value);
  }
  const LoggedText* decode(const FieldValue& value);
  std::string_view without_escapes(const FieldValue& value);
  bool allows_status(const LineFields& fields);
  uint8_t slot_of(const Place& place, const LineFields& fields) const;

  const bool time_required_;
  const std::vector<StatusRange> statuses_;
  std::vector<Place> places_;
  std::optional<Regex> pattern_;
  ClientIdRules rules_;
  TimeReader times_;
  std::string text_;         // a time or status without its escapes
  std::string decoded_;      // a value without its base64 or hashes …
  LoggedText decoded_text_;  // … as a text
};

}  // namespace lastseen
