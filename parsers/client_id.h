// The rules by which a request's client id is found and judged; they are the same for every format.
// They are written down in tests/corpus/README.md under "Truth".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/reason.h"
#include "parsers/escape.h"
#include "parsers/json_body.h"
#include "parsers/parser.h"
#include "parsers/path_pattern.h"

namespace lastseen {

/// What one place in a line says of the client id.
/// Small enough to be returned in registers: an answer is handed up through several rules, and on
/// its way through memory it waits for itself (measured: 3 % of the time of a line).
struct IdAnswer {
  enum class State : uint8_t {
    kAbsent,     ///< No id here: look at the next place.
    kTruncated,  ///< There would be one, but its value is cut off: look at the next place.
    kGood,       ///< id() it is.
    kBad,        ///< There is one, it rules the other places out, and it must not be stored.
  };
  State state = State::kAbsent;
  SkipReason skip = SkipReason::kNoClientId;  ///< Why there is no id; meaningless when good.
  uint32_t size = 0;
  const char* data = nullptr;

  /// Into the line or into the rules' scratch memory.
  std::string_view id() const { return {data, size}; }
  bool decides() const { return state == State::kGood || state == State::kBad; }
};

/// Reads ids out of fields and judges them. Keeps the memory it needs, so that in the long run
/// nothing is allocated for a line; an answer is valid until the same place is asked again.
class ClientIdRules {
 public:
  /// The limit counts Unicode code points.
  explicit ClientIdRules(int length_max) : length_max_(static_cast<size_t>(length_max)) {}

  /// A request body: the member that `finder` looks for, of a JSON object.
  IdAnswer from_body(const LoggedText& body, BodyFinder* finder);
  /// A value that the proxy wrote as the client's id. Empty and `-` mean that it had none.
  IdAnswer from_field(const LoggedText& value);
  /// The same where the proxy wrote no quotes: a JSON number becomes its text, all else is none.
  IdAnswer from_bare_field(std::string_view value);
  /// A request target, in any of its forms: the query begins behind the first `?`. `cut`: its end
  /// may be missing.
  IdAnswer from_target(const LoggedText& target, std::string_view name, bool cut = false);
  /// A query alone, with or without its `?`.
  IdAnswer from_query(const LoggedText& query, std::string_view name, bool cut = false);
  /// A query alone, which has no `?` of its own.
  IdAnswer from_args(const LoggedText& args, std::string_view name);
  /// The value of a query's parameter.
  IdAnswer from_query_value(const LoggedText& value);
  /// `METHOD target HTTP/1.1` as the client sent it, possibly cut off or not HTTP at all.
  IdAnswer from_request_line(const LoggedText& request, std::string_view name);
  /// Any of the last three, whichever it looks like.
  IdAnswer from_unknown(const LoggedText& text, std::string_view name);
  /// A segment of the path of a request line or of a target, whichever it looks like.
  IdAnswer from_path(const LoggedText& target, const PathPattern& pattern, bool cut = false);
  /// The same of a path that is decoded already, in which a `?` is nothing special.
  IdAnswer from_decoded_path(const LoggedText& path, const PathPattern& pattern);
  /// A Cookie header, `name=value; name=value`. Values are taken as they are, less their quotes.
  IdAnswer from_cookies(const LoggedText& cookies, std::string_view name);
  /// A JSON Web Token, `Bearer ` before it or not: the claim that `finder` looks for. The signature
  /// is NOT checked: whoever can send a request can write any claim.
  IdAnswer from_token(const LoggedText& token, BodyFinder* finder);

 private:
  /// What a query was taken from, which says how sure the ends of its values are.
  enum class QueryFrom {
    kField,        ///< A field of its own: every value is whole.
    kRequestLine,  ///< Where a raw blank stands in a value, its end can not be told.
    kCut,          ///< The same, and the last value may be cut off.
  };

  IdAnswer judge(std::string_view id) const;
  IdAnswer judge_json(const BodyId& found, bool escaped);
  IdAnswer find_in_query(std::string_view query, QueryFrom from, std::string_view name);
  IdAnswer find_in_request_line(std::string_view request, std::string_view name);
  bool is_name(std::string_view text, bool plain, std::string_view name);
  std::string_view without_layer(const LoggedText& text);

  const size_t length_max_;
  std::string layer_off_;  // a value without the log's layer of escapes
  std::string decoded_;    // an id without the escapes of JSON or of a query
  std::string name_;       // a query parameter's name, or a path's segment
  std::string payload_;    // of a token
};

}  // namespace lastseen
