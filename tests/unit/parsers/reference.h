// The rules read a second time, slowly: RapidJSON takes both layers apart, and everything is
// copied. Shares no code with the parsers, so that an error in one of the two shows as a
// difference.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lastseen::reference {

/// Nothing where RapidJSON cannot read what the parsers can: then there is nothing to compare.
struct Answer {
  std::optional<std::string> client_id;
  std::string why;  ///< "too_long" or "invalid_utf8" where it must be that, else empty.
};

/// Code points of valid UTF-8 without NUL, else -1.
inline int count_utf8(const std::string& text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  int count = 0;
  while (stream.Tell() < text.size()) {
    unsigned code_point = 0;
    if (!rapidjson::UTF8<>::Decode(stream, &code_point)) return -1;
    if (code_point == 0 || stream.Tell() > text.size()) return -1;
    ++count;
  }
  return count;
}

/// Notes the first top-level client_id, and stops there.
struct BodyHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, BodyHandler> {
  enum class Found { kNothing, kNoId, kText, kNumber };
  int depth = 0;
  bool wanted = false;  // the next value is the one
  Found found = Found::kNothing;
  std::string text;

  bool none() {
    if (wanted) found = Found::kNoId;
    return !wanted;
  }
  bool take(Found kind, const char* data, rapidjson::SizeType size) {
    if (!wanted) return true;
    found = kind;
    text.assign(data, size);
    return false;
  }
  bool Null() { return none(); }
  bool Bool(bool) { return none(); }
  bool RawNumber(const char* data, rapidjson::SizeType size, bool) {
    return take(Found::kNumber, data, size);
  }
  bool String(const char* data, rapidjson::SizeType size, bool) {
    return take(Found::kText, data, size);
  }
  bool StartObject() { return none() && ++depth > 0; }
  bool StartArray() { return none() && ++depth > 0; }
  bool EndObject(rapidjson::SizeType) { return --depth >= 0; }
  bool EndArray(rapidjson::SizeType) { return --depth >= 0; }
  bool Key(const char* data, rapidjson::SizeType size, bool) {
    wanted = depth == 1 && std::string_view(data, size) == "client_id";
    return true;
  }
};

inline bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

inline bool has_ndjson_break(const std::string& rest) {
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '}') continue;
    size_t next = i + 1;
    while (next < rest.size() && is_blank(rest[next])) ++next;
    const std::string between = rest.substr(i + 1, next - i - 1);
    if (next < rest.size() && rest[next] == '{' && between.find_first_of("\r\n") != between.npos) {
      return true;
    }
  }
  return false;
}

struct BodyAnswer {
  bool has_opinion = true;
  std::optional<std::string> id;  ///< Not judged yet; empty text counts as none.
};

inline BodyAnswer read_body(std::string body) {
  if (body.starts_with("\xef\xbb\xbf")) body.erase(0, 3);
  size_t first = 0;
  while (first < body.size() && is_blank(body[first])) ++first;
  if (first == body.size() || body[first] != '{') return {};
  if (body.find('\0') != body.npos) return {false, {}};  // RapidJSON takes it for the end

  rapidjson::Reader reader;
  rapidjson::MemoryStream stream(body.data(), body.size());
  BodyHandler handler;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseStopWhenDoneFlag;
  reader.Parse<kFlags>(stream, handler);
  const rapidjson::ParseErrorCode error = reader.GetParseErrorCode();
  if (error == rapidjson::kParseErrorStringUnicodeSurrogateInvalid ||
      error == rapidjson::kParseErrorNumberTooBig) {
    return {false, {}};  // a lone surrogate, 1e999: valid for us, but RapidJSON stops there
  }
  if (handler.found != BodyHandler::Found::kText && handler.found != BodyHandler::Found::kNumber) {
    return {};
  }
  const std::string rest = body.substr(stream.Tell());
  if (handler.found == BodyHandler::Found::kNumber &&
      (rest.empty() || (rest[0] != ',' && rest[0] != '}' && !is_blank(rest[0])))) {
    return {};
  }
  if (has_ndjson_break(rest)) return {};
  return {true, handler.text};
}

inline std::string decode_query(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && digit(i + 1) && digit(i + 2)) {
      out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

inline std::optional<std::string> read_query(const std::string& target) {
  size_t at = target.find('?');
  while (at != target.npos) {
    const size_t next = target.find('&', at + 1);
    const std::string pair = target.substr(at + 1, next == target.npos ? next : next - at - 1);
    const size_t equals = pair.find('=');
    if (decode_query(pair.substr(0, equals)) == "client_id") {
      return equals == pair.npos ? "" : decode_query(pair.substr(equals + 1));
    }
    at = next;
  }
  return std::nullopt;
}

inline Answer judge(const std::string& id, int length_max) {
  const int count = count_utf8(id);
  if (count < 0) return {{}, "invalid_utf8"};
  if (count > length_max) return {{}, "too_long"};
  return {id, ""};
}

/// A line in a JSON format that has the members request_body, client_id and request_uri.
inline std::optional<Answer> read_json_line(std::string_view line, int length_max = 50) {
  if (line.find('\0') != line.npos) return std::nullopt;
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag>(line.data(),
                                                                                     line.size());
  if (json.HasParseError() || !json.IsObject()) return std::nullopt;
  const auto member = [&](const char* name) -> std::optional<std::string> {
    if (!json.HasMember(name) || !json[name].IsString()) return std::nullopt;
    return std::string(json[name].GetString(), json[name].GetStringLength());
  };
  if (json.HasMember("request_body") && json["request_body"].IsObject()) return std::nullopt;
  if (const auto body = member("request_body")) {
    const BodyAnswer answer = read_body(*body);
    if (!answer.has_opinion) return std::nullopt;
    if (answer.id && !answer.id->empty()) return judge(*answer.id, length_max);
  }
  if (const auto field = member("client_id"); field && !field->empty() && *field != "-") {
    return judge(*field, length_max);
  }
  if (const auto target = member("request_uri")) {
    if (const auto id = read_query(*target); id && !id->empty()) return judge(*id, length_max);
  }
  return Answer{};
}

}  // namespace lastseen::reference
