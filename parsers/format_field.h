// A proxy's log format, taken apart: literal text and fields, in the order in which they are
// written. One reader per dialect makes it (format_dialect.h), one scanner uses it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lastseen {

enum class Dialect : uint8_t { kNginx, kApache, kEnvoy, kHaproxy };

/// What a field is good for. The scanner skips a field of role kNone.
enum class FieldRole : uint8_t {
  kNone,
  kTime,
  kBody,
  kClientId,     ///< The proxy took the id out itself.
  kTarget,       ///< The request's target, with its query.
  kRequestLine,  ///< METHOD target PROTOCOL
  kQuery,        ///< The query alone, with or without its `?`.
  kQueryValue,   ///< The query parameter client_id alone, still percent-encoded.
};

/// What a field can look like, which tells where it ends.
enum class FieldShape : uint8_t {
  kText,      ///< Anything.
  kWord,      ///< No blank, quote or control character. May be empty.
  kAddress,   ///< A word with a colon or a slash in it; or `-`.
  kNumber,    ///< Digits, perhaps with a sign and a fraction; or `-`.
  kTime,      ///< What its TimePattern says.
  kCaptures,  ///< HAProxy's `{a|b}`; nothing at all, not even the blank behind, when there are
              ///< none.
};

/// How the proxy escapes what would end a field.
enum class FieldEscape : uint8_t {
  kNone,       ///< Not at all: a quote in a field looks like the one behind it.
  kBackslash,  ///< `\xHH`, `\"` and JSON's: no bare quote, backslash or control character is left.
  kHash,       ///< HAProxy's `#HH`: no bare quote is left; in captures no `{`, `|`, `}` either.
};

struct FormatField {
  FieldRole role = FieldRole::kNone;
  FieldShape shape = FieldShape::kText;
  FieldEscape escape = FieldEscape::kNone;
  /// May hold raw line breaks, so that the line may end within it.
  bool may_break = false;
  /// A text may stand as a JSON string, with its own quotes (metadata in older Envoys).
  bool may_be_json = false;
  size_t length_max = 0;  ///< Bytes after which the proxy cuts it; 0: it does not.
  std::string time;       ///< Of a kTime: a pattern for TimePattern.
  /// The same for every dialect: `header.x_client_id`, `cookie.NAME`, `field.request_body`.
  std::string name;
};

struct FormatPart {
  bool is_field = false;
  std::string literal;  ///< Of a part that is not a field.
  FormatField field;
  size_t place = 0;  ///< Byte of the configured text at which it begins.
};

using FormatParts = std::vector<FormatPart>;

}  // namespace lastseen
