// Every line of the corpus files that the parsers here read, against its truth.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "parsers/parser.h"
#include "unit/parsers/corpus.h"

namespace lastseen {
namespace {

struct CorpusFile {
  const char* name;  // below tests/corpus, without extension
  const char* parser;
};

class Corpus : public testing::TestWithParam<CorpusFile> {};

TEST_P(Corpus, EveryLineMatchesItsTruth) {
  const std::vector<std::string> records = read_records(GetParam().name);
  ParserSettings settings;
  settings.type = GetParam().parser;
  auto parser = make_parser(settings, {});
  ASSERT_TRUE(parser) << parser.status().message();

  expect_truth(**parser, GetParam().name, records);
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
