// The verbs that the tests of the pipeline share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fakes/fake_source.h"
#include "pipeline/pipeline.h"

namespace lastseen {

/// "ID TIME" is a sighting; anything else is malformed.
class WordParser final : public Parser {
 public:
  ParseResult parse(std::string_view line) override {
    ParseResult result;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return result;
    result.sighted = result.has_time = true;
    result.client_id = line.substr(0, space);
    result.seen_at_ms = std::stoll(std::string(line.substr(space + 1)));
    return result;
  }
};

class PipelineTest : public testing::Test {
 protected:
  void build(PipelineOptions options, int inputs = 1) {
    std::vector<PipelineInput> parts;
    sources_.clear();
    for (int i = 0; i < inputs; ++i) {
      auto source = std::make_unique<FakeSource>();
      sources_.push_back(source.get());
      PipelineInput& input = parts.emplace_back();
      input.name = "input" + std::to_string(i);
      input.source = std::move(source);
      input.parser = std::make_unique<WordParser>();
      for (size_t more = 0; more < more_parsers_; ++more)
        input.more_parsers.push_back(std::make_unique<WordParser>());
      input.line_bytes_max = 64;
      input.urgent = input.feed = urgent_ && i == 0;
    }
    pipeline_.emplace(std::move(options), std::move(parts), at(0));
  }
  void build() { build(PipelineOptions()); }
  static Now at(int64_t ms) { return {ms, 1'000'000 + ms}; }

  // The store knows every input, and nothing of it.
  void load_known() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    for (size_t i = 0; i < sources_.size(); ++i)
      reply.state.inputs.push_back({"input" + std::to_string(i), {}, {}});
    pipeline_->deliver(std::move(reply), at(0));
  }
  void load_unknown() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    pipeline_->deliver(std::move(reply), at(0));
  }
  std::optional<Batch> step(int64_t ms) { return std::move(pipeline_->step(at(ms)).batch); }
  void commit(std::vector<uint64_t> quarantined = {}) {
    FlushReply reply;
    reply.result.quarantined = std::move(quarantined);
    pipeline_->deliver(std::move(reply), at(0));
  }
  InputSnapshot ledger(size_t input = 0) { return pipeline_->snapshot(at(0)).inputs[input]; }
  void expect_balanced() {
    for (size_t i = 0; i < sources_.size(); ++i)
      EXPECT_EQ(ledger(i).totals.lines_read, ledger(i).totals.settled() + ledger(i).pending);
  }

  bool urgent_ = false;  // the first input is a feed
  size_t more_parsers_ = 0;
  std::vector<FakeSource*> sources_;
  std::optional<Pipeline> pipeline_;
};

/// Its first input is a feed.
class PipelineFeedTest : public PipelineTest {
 protected:
  PipelineFeedTest() { urgent_ = true; }
  FakeSource& feed() { return *sources_[0]; }
};

}  // namespace lastseen
