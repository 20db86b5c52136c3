// The one place of RapidJSON's writer: JSON for people's tools (status, parse, logs).
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace lastseen {

/// Builds one JSON text, member by member. Strings must be UTF-8 (or escaped before).
class JsonWriter {
 public:
  void begin_object() { writer_.StartObject(); }
  void end_object() { writer_.EndObject(); }
  void begin_array() { writer_.StartArray(); }
  void end_array() { writer_.EndArray(); }
  void key(std::string_view name) { writer_.Key(name.data(), size_of(name)); }
  void value(std::string_view text) { writer_.String(text.data(), size_of(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(uint64_t number) { writer_.Uint64(number); }
  void value(int64_t number) { writer_.Int64(number); }
  void value(int number) { writer_.Int64(number); }
  void value(double number) { writer_.Double(number); }
  void value(bool flag) { writer_.Bool(flag); }
  void null() { writer_.Null(); }
  /// `digits`: a number as JSON writes it.
  void raw_number(std::string_view digits) {
    writer_.RawValue(digits.data(), digits.size(), rapidjson::kNumberType);
  }

  template <typename T>
  void member(std::string_view name, T content) {
    key(name);
    value(content);
  }

  std::string_view text() const { return {buffer_.GetString(), buffer_.GetSize()}; }
  void clear() {
    buffer_.Clear();
    writer_.Reset(buffer_);
  }

 private:
  static rapidjson::SizeType size_of(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace lastseen
