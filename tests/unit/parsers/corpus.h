// The corpus: its records, its truth, and comparing the two. tests/corpus/README.md says what a
// right answer is.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "parsers/parser.h"
#include "parsers/timestamp.h"

namespace lastseen {

inline std::string corpus_path(const std::string& name) {
  return std::string(LASTSEEN_SOURCE_DIR) + "/tests/corpus/" + name;
}

inline std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::string from_base64(std::string_view base64) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : base64) {
    const size_t value = kAlphabet.find(c);
    if (value == kAlphabet.npos) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  return out;
}

inline std::vector<std::string> split_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The lines of a .gz file, which may have several members.
inline std::vector<std::string> read_gzip_lines(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("gzip -dc " + path).c_str(), "r"),
                                                   pclose);
  std::string text;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe.get())) {
    text.append(buffer, size);
  }
  return split_lines(text);
}

/// The reads of a .jsonl file joined, and split at newlines.
inline std::vector<std::string> read_joined_lines(const std::string& path) {
  std::string text;
  for (const std::string& line : read_lines(path)) {
    rapidjson::Document read;
    read.Parse(line.data(), line.size());
    text += from_base64(read["b64"].GetString());
  }
  return split_lines(text);
}

/// The records of a file, whatever its form: its lines, or its datagrams without the newline at
/// their end.
inline std::vector<std::string> read_records(const std::string& name) {
  const std::string log = corpus_path(name + ".log");
  if (std::ifstream(log)) return read_lines(log);
  if (std::ifstream(log + ".gz")) return read_gzip_lines(log + ".gz");
  const std::string joined = corpus_path(name + ".jsonl");
  if (std::ifstream(joined)) return read_joined_lines(joined);
  std::vector<std::string> records;
  for (const std::string& line : read_lines(corpus_path(name + ".dgram.jsonl"))) {
    rapidjson::Document datagram;
    datagram.Parse(line.data(), line.size());
    std::string record = from_base64(datagram["b64"].GetString());
    if (record.ends_with('\n')) record.pop_back();
    records.push_back(record);
  }
  return records;
}

using Id = std::optional<std::string>;

inline Id id_of(const rapidjson::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return std::string(value.GetString(), value.GetStringLength());
}

struct Truth {
  size_t line = 0;
  std::vector<Id> accept;  // the first is the preferred one
  std::optional<int64_t> ts;
  std::string why;
};

inline Truth parse_truth(const std::string& line) {
  rapidjson::Document json;
  json.Parse(line.data(), line.size());
  EXPECT_FALSE(json.HasParseError()) << line;
  Truth truth;
  truth.line = json["line"].GetUint();
  truth.accept.push_back(id_of(json["client_id"]));
  if (json.HasMember("accept")) {
    for (const auto& other : json["accept"].GetArray()) truth.accept.push_back(id_of(other));
  }
  if (!json["ts"].IsNull()) truth.ts = parse_iso8601(json["ts"].GetString());
  truth.why = json["why"].GetString();
  return truth;
}

/// Every line against its truth; every record must have one.
inline void expect_truth(Parser& parser, const std::string& name,
                         const std::vector<std::string>& records) {
  size_t compared = 0;
  for (const std::string& line : read_lines(corpus_path(name + ".truth.jsonl"))) {
    const Truth truth = parse_truth(line);
    SCOPED_TRACE(line);
    ASSERT_LE(truth.line, records.size());
    const ParseResult result = parser.parse(records[truth.line - 1]);
    const Id id = result.sighted ? Id(result.client_id) : std::nullopt;
    EXPECT_THAT(truth.accept, testing::Contains(id)) << name_of(result.skip);
    EXPECT_EQ(truth.ts.has_value(), result.has_time);
    EXPECT_LE(std::abs(truth.ts.value_or(result.seen_at_ms) - result.seen_at_ms), 1);
    for (const SkipReason reason : {SkipReason::kTooLong, SkipReason::kInvalidUtf8}) {
      if (!id && truth.why.starts_with(name_of(reason))) {
        EXPECT_EQ(name_of(reason), name_of(result.skip));
      }
    }
    ++compared;
  }
  EXPECT_EQ(records.size(), compared);
}

}  // namespace lastseen
