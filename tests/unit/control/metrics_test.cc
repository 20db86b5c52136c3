#include "control/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "unit/control/fakes.h"
#include "unit/control/golden.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, BusyAgentGivesTheGoldenPage) {
  EXPECT_EQ(golden("metrics.txt"), metrics_text(busy_agent(), FakeClock().now()));
}

TEST(Metrics, NamesFollowTheConventions) {
  std::set<std::string_view> seen;
  for (const MetricName& metric : metric_names()) {
    SCOPED_TRACE(metric.name);
    EXPECT_TRUE(metric.name.starts_with("lastseen_"));
    EXPECT_TRUE(seen.insert(metric.name).second);
    EXPECT_EQ(metric.type == "counter", metric.name.ends_with("_total"));
    EXPECT_TRUE(metric.type == "counter" || metric.type == "gauge");
    EXPECT_TRUE(metric.help.ends_with('.'));
    const std::set<std::string_view> labels = {"", "input", "input, reason", "version"};
    EXPECT_TRUE(labels.contains(metric.labels));
  }
}

TEST(Metrics, EveryLineIsASampleWithTheDeclaredLabels) {
  std::map<std::string, std::string> labels;
  for (const MetricName& metric : metric_names())
    labels[std::string(metric.name)] = std::string(metric.labels);
  const std::regex sample(R"re((lastseen_[a-z_]+)(\{(.*)\})? [0-9]+(\.[0-9]+)?)re");
  std::istringstream page(metrics_text(busy_agent(), FakeClock().now()));
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) continue;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    std::string names = std::regex_replace(match[3].str(), std::regex("=\"[^\"]*\""), "");
    EXPECT_EQ(labels.at(match[1]), std::regex_replace(names, std::regex(","), ", ")) << line;
  }
}

TEST(Metrics, NoCommitYetGivesNoAgeInsteadOfAFreshOne) {
  AgentSnapshot agent = busy_agent();
  agent.store.last_commit_mono_ms = -1;
  agent.store.last_commit_duration_ms = -1;
  const std::string page = metrics_text(agent, FakeClock().now());
  EXPECT_THAT(page, Not(HasSubstr("\nlastseen_store_last_commit_age_seconds ")));
  EXPECT_THAT(page, Not(HasSubstr("\nlastseen_store_last_commit_duration_seconds ")));
}

TEST(Metrics, TotalsThatAreNotLoadedGiveNoSample) {
  AgentSnapshot agent = busy_agent();
  agent.store.positions_loaded = false;
  const std::string page = metrics_text(agent, FakeClock().now());
  EXPECT_THAT(page, Not(HasSubstr("\nlastseen_lines_read_total{")));
  EXPECT_THAT(page, Not(HasSubstr("\nlastseen_lines_skipped_total{")));
  EXPECT_THAT(page, HasSubstr("\nlastseen_lines_pending{"));
}

TEST(Metrics, HoldingStoreIsDownAndHolding) {
  AgentSnapshot agent = busy_agent();
  agent.store.state = StoreState::kHolding;
  const std::string page = metrics_text(agent, FakeClock().now());
  EXPECT_THAT(page, HasSubstr("\nlastseen_store_up 0\n"));
  EXPECT_THAT(page, HasSubstr("\nlastseen_store_holding 1\n"));
  EXPECT_THAT(page, HasSubstr("\nlastseen_ready 0\n"));
}

TEST(Metrics, LabelValuesAreEscaped) {
  AgentSnapshot agent = busy_agent();
  agent.inputs[0].name = "a\"b\\c\nd";
  EXPECT_THAT(metrics_text(agent, FakeClock().now()),
              HasSubstr("lastseen_lines_read_total{input=\"a\\\"b\\\\c\\nd\"} 1234567\n"));
}

}  // namespace
}  // namespace lastseen
