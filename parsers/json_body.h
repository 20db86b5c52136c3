// Where in a request body its client id stands: rule 6 of tests/corpus/README.md, in this one place
// for every way of reading a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/escape.h"

namespace lastseen {

/// Memory that is reused from body to body, so that none is allocated for a line.
struct BodyScratch {
  std::vector<uint64_t> nesting;  ///< One bit a level: set for an object.
  std::string layer_off;          ///< A key without the log's layer of escapes …
  std::string key;                ///< … and without JSON's own.
};

/// In registers, as IdAnswer is.
struct BodyId {
  enum class Kind : uint8_t {
    kNone,       ///< Not a JSON object, no such key, a value that counts as no id, or NDJSON.
    kText,       ///< raw() is what stands between the quotes; its JSON escapes are valid.
    kNumber,     ///< raw() is the number.
    kTruncated,  ///< The body ends before the value does.
  };
  Kind kind = Kind::kNone;
  uint32_t size = 0;
  const char* data = nullptr;

  /// A part of the body, still within the log's layer of escapes.
  std::string_view raw() const { return {data, size}; }
};

/// The first member of that name in the body's top-level object. The body is read as strict JSON up
/// to the end of that value and no further, apart from two things: a byte order mark may stand
/// before it, and bytes that are not UTF-8 may stand in its strings. Afterwards only NDJSON is
/// looked for: `}`, a line break, `{`, with blanks allowed between, takes the id back.
/// Linear in the body's length however deep it nests.
BodyId find_body_id(const LoggedText& body, std::string_view name, BodyScratch* scratch);

/// Whether the text is one JSON number and nothing else.
bool is_json_number(std::string_view text);

}  // namespace lastseen
