// JSON that a program of ours wrote, read back: the answers of the control socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lastseen {

/// A view into a JsonDocument, which must outlive it. What is missing or of another type reads as
/// null, "", 0, false or empty, so that an answer of a newer or older agent is no error.
class JsonValue {
 public:
  JsonValue operator[](std::string_view key) const;
  bool is_null() const;
  std::string text() const;
  uint64_t count() const;  ///< A whole number.
  double number() const;
  std::vector<JsonValue> items() const;
  std::vector<std::pair<std::string, JsonValue>> members() const;

 private:
  friend class JsonDocument;
  explicit JsonValue(const void* value) : value_(value) {}
  const void* value_;  // rapidjson::Value; null: there is none
};

class JsonDocument {
 public:
  explicit JsonDocument(std::string_view json);
  ~JsonDocument();
  bool is_valid() const;
  JsonValue root() const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace lastseen
