// Every line of the corpus files that the parsers here read, against its truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parsers/parser.h"
#include "parsers/timestamp.h"

namespace lastseen {
namespace {

struct CorpusFile {
  const char* name;  // below tests/corpus, without extension
  const char* parser;
};

std::string corpus_path(const std::string& name) {
  return std::string(LASTSEEN_SOURCE_DIR) + "/tests/corpus/" + name;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string to_base64_text(std::string_view base64) {
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

/// The records of a file: its lines, or its datagrams without the newline at their end.
std::vector<std::string> read_records(const std::string& name) {
  const std::string log = corpus_path(name + ".log");
  if (std::ifstream(log)) return read_lines(log);
  std::vector<std::string> records;
  for (const std::string& line : read_lines(corpus_path(name + ".dgram.jsonl"))) {
    rapidjson::Document datagram;
    datagram.Parse(line.data(), line.size());
    std::string record = to_base64_text(datagram["b64"].GetString());
    if (record.ends_with('\n')) record.pop_back();
    records.push_back(record);
  }
  return records;
}

using Id = std::optional<std::string>;

Id id_of(const rapidjson::Value& value) {
  if (value.IsNull()) return std::nullopt;
  return std::string(value.GetString(), value.GetStringLength());
}

struct Truth {
  size_t line = 0;
  std::vector<Id> accept;  // the first is the preferred one
  std::optional<int64_t> ts;
  std::string why;
};

Truth parse_truth(const std::string& line) {
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

class Corpus : public testing::TestWithParam<CorpusFile> {};

TEST_P(Corpus, EveryLineMatchesItsTruth) {
  const std::vector<std::string> records = read_records(GetParam().name);
  ParserSettings settings;
  settings.type = GetParam().parser;
  auto parser = make_parser(settings, {});
  ASSERT_TRUE(parser) << parser.status().message();

  size_t compared = 0;
  for (const std::string& line :
       read_lines(corpus_path(GetParam().name + std::string(".truth.jsonl")))) {
    const Truth truth = parse_truth(line);
    SCOPED_TRACE(line);
    ASSERT_LE(truth.line, records.size());
    const ParseResult result = (*parser)->parse(records[truth.line - 1]);
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

INSTANTIATE_TEST_SUITE_P(
    Files, Corpus,
    testing::Values(
        CorpusFile{"nginx/json_escape", "json"}, CorpusFile{"nginx/combined", "combined"},
        CorpusFile{"nginx/combined", "common"}, CorpusFile{"apache/combined", "combined"},
        CorpusFile{"nginx/json_map", "json"}, CorpusFile{"nginx/json_lua", "json"},
        CorpusFile{"nginx/json_default", "json"}, CorpusFile{"nginx/json_none", "json"},
        CorpusFile{"nginx/combined_custom", "combined"},
        CorpusFile{"apache/vhost_combined", "combined"}, CorpusFile{"apache/json", "json"},
        CorpusFile{"caddy/json_default", "json"}, CorpusFile{"caddy/json_rfc3339", "json"},
        CorpusFile{"caddy/json_stream", "json"}, CorpusFile{"haproxy/json_raw", "json"},
        CorpusFile{"envoy/json", "json"}, CorpusFile{"envoy/json_strings", "json"},
        CorpusFile{"envoy/json_client_id", "json"}, CorpusFile{"envoy/json_request_body", "json"}),
    [](const auto& param) {
      std::string name = std::string(param.param.name) + "_" + param.param.parser;
      for (char& c : name) c = c == '/' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace lastseen
