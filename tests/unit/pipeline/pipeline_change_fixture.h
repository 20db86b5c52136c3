// The verbs of the tests of another configuration while batches come and go.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "fakes/fake_source.h"
#include "pipeline/pipeline.h"
#include "pipeline/pipeline_change.h"

namespace lastseen {

// "ID TIME" is a sighting of the client NAME-ID; anything else is malformed.
class NamedParser final : public Parser {
 public:
  explicit NamedParser(std::string name) : name_(std::move(name)) {}
  ParseResult parse(std::string_view line) override {
    ParseResult result;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return result;
    id_ = name_ + "-" + std::string(line.substr(0, space));
    result.sighted = result.has_time = true;
    result.client_id = id_;
    result.seen_at_ms = std::stoll(std::string(line.substr(space + 1)));
    return result;
  }

 private:
  std::string name_, id_;
};

class PipelineChangeTest : public testing::Test {
 protected:
  struct Wanted {
    std::string name;
    std::string keeps;
    std::string parser = "p";
    bool feed = false;
  };

  PipelineInput parts(const Wanted& wanted) {
    PipelineInput input;
    input.name = wanted.name;
    input.parser = std::make_unique<NamedParser>(wanted.parser);
    input.line_bytes_max = 64;
    input.urgent = input.feed = wanted.feed;
    return input;
  }
  std::unique_ptr<Source> new_source(const std::string& name) {
    auto source = std::make_unique<FakeSource>();
    source->bytes = files_[name];
    sources_[name] = source.get();
    return source;
  }
  void build_unloaded(const std::vector<Wanted>& inputs) {
    std::vector<PipelineInput> built;
    for (const Wanted& input : inputs) {
      built.push_back(parts(input));
      built.back().source = new_source(input.name);
    }
    pipeline_.emplace(options_, std::move(built), at(0));
  }
  void build(const std::vector<Wanted>& inputs) {
    build_unloaded(inputs);
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    for (const Wanted& input : inputs) reply.state.inputs.push_back({input.name, {}, {}});
    pipeline_->deliver(std::move(reply), at(0));
  }
  void change(const std::vector<Wanted>& inputs, bool other_store = false) {
    PipelineChange change;
    change.other_store = other_store;
    for (const Wanted& input : inputs) {
      InputChange& planned = change.inputs.emplace_back();
      planned.parts = parts(input);
      planned.keeps = input.keeps;
      planned.make_source = [this, name = input.name] { return new_source(name); };
    }
    pipeline_->change(std::move(change), at(0));
  }
  // Steps until the pipeline wants a commit, or the change is done.
  std::optional<Batch> step(int64_t ms) {
    for (int i = 0; i < 5; ++i) {
      Pipeline::Step step = pipeline_->step(at(ms));
      changed_ |= step.changed;
      move_store_ |= step.move_store;
      release_ = step.release;
      if (step.batch) return std::move(step.batch);
    }
    return std::nullopt;
  }
  void commit(uint64_t withheld = 0) {
    FlushReply reply;
    reply.withheld = withheld;
    pipeline_->deliver(std::move(reply), at(0));
  }
  // After 1000 ms the newest time of one client of `a` is withheld.
  void withhold_one(const std::vector<Wanted>& inputs, int64_t resolution_ms = 3'600'000) {
    options_.resolution_ms = resolution_ms;
    build(inputs);
    sources_["a"]->bytes = "X 1\n";
    ASSERT_TRUE(step(1000));
    commit(1);
  }
  // The store is left at 1001 ms; it is not known whether it took batch 5 of epoch 3.
  Batch leave_with_batch_out(const std::vector<Wanted>& inputs) {
    Batch out = std::move(step(1000).value());
    out.number = 5;
    out.epoch = 3;
    change(inputs, true);
    step(1001);
    return out;
  }
  static Now at(int64_t ms) { return {ms, 1'000'000 + ms}; }
  std::map<std::string, InputSnapshot> ledgers() {
    std::map<std::string, InputSnapshot> found;
    for (const InputSnapshot& input : pipeline_->snapshot(at(0)).inputs) {
      found[input.name] = input;
      EXPECT_EQ(input.totals.lines_read, input.totals.settled() + input.pending) << input.name;
    }
    return found;
  }
  static std::vector<std::string> ids(const Batch& batch) {
    std::vector<std::string> found;
    for (const Entry& entry : batch.entries)
      found.push_back(batch.inputs[entry.input].name + ":" + std::string(entry.client_id));
    return found;
  }
  static FlushReply nothing_known() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    return reply;
  }
  FlushReply moved(std::optional<Batch> batch, AgentState there) {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kMoved;
    reply.state = std::move(there);
    reply.batch = std::move(batch);
    return reply;
  }

  using Ids = std::vector<std::string>;
  PipelineOptions options_;  // of the first configuration; later ones have the defaults
  std::map<std::string, std::string> files_;  // what new sources find
  std::map<std::string, FakeSource*> sources_;
  std::optional<Pipeline> pipeline_;
  bool changed_ = false;
  bool move_store_ = false;
  bool release_ = false;  // of the last step
};

}  // namespace lastseen
