// Where in a request body its client id stands: rule 6 of tests/corpus/README.md, in this one place
// for every way of reading a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parsers/escape.h"
#include "parsers/shape.h"

namespace lastseen {

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

/// What stands between two values of a body.
struct BodyJoint {
  uint64_t open = 0;  ///< The containers that are open behind it: see OpenContainers.
  uint32_t size = 0;
  bool quoted = false;  ///< It ends with the quote that opens a string.
  bool wanted = false;  ///< It ends behind the colon of the member that is looked for.
};

/// The objects and lists that are open, innermost lowest: one bit each, set for an object, below a
/// set bit that marks the end. What no longer fits into one word is put aside.
class OpenContainers {
 public:
  void push(bool object);
  void pop();
  void set(uint64_t word) { word_ = word; }
  bool in_object() const { return (word_ & 1) != 0; }
  bool none() const { return word_ == kNone && deep_.empty(); }
  bool only_one() const { return word_ >> 1 == kNone && deep_.empty(); }
  /// All of them, as a number; 0 when there are too many.
  uint64_t word() const { return deep_.empty() ? word_ : 0; }
  void clear();

 private:
  static constexpr uint64_t kNone = 1;
  // A context has one bit more, and all bits set would be that of an entry that holds nothing.
  static constexpr uint64_t kFull = uint64_t{1} << 61;
  uint64_t word_ = kNone;
  std::vector<uint64_t> deep_;
};

/// Finds the first member of one name in the top-level objects of bodies. A body is read as strict
/// JSON up to the end of that value and no further, apart from two things: a byte order mark may
/// stand before it, and bytes that are not UTF-8 may stand in its strings. Afterwards only NDJSON
/// is looked for: `}`, a line break, `{`, with blanks allowed between, takes the id back.
/// Linear in the body's length however deep it nests. Allocates nothing in the long run.
class BodyFinder {
 public:
  explicit BodyFinder(std::string_view name) : name_(name) {}
  BodyId find(const LoggedText& body);

 private:
  template <class Layer>
  friend class BodyReader;

  const std::string name_;
  Shape<BodyJoint> shape_;  // of the body before
  BodyJoint joint_;         // that was read last
  OpenContainers open_;
  std::string layer_off_;  // a key without the log's layer of escapes …
  std::string key_;        // … and without JSON's own
};

/// Whether the text is one JSON number and nothing else.
bool is_json_number(std::string_view text);

}  // namespace lastseen
