#include "control/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

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
    EXPECT_TRUE(metric.type == "counter" || metric.type == "gauge" || metric.type == "histogram");
    EXPECT_TRUE(metric.help.ends_with('.'));
    const std::set<std::string_view> labels = {"", "input", "input, reason", "version"};
    EXPECT_TRUE(labels.contains(metric.labels));
  }
}

// "input, reason" of `{input="a",reason="b"}`; "" of nothing.
std::string label_names(std::string_view labels) {
  std::string names;
  while (!labels.empty()) {
    const size_t equals = labels.find("=\"");
    const size_t end = labels.find('"', equals + 2);
    if (equals == std::string_view::npos || end == std::string_view::npos) return "?";
    names += (names.empty() ? "" : ", ") + std::string(labels.substr(1, equals - 1));
    labels.remove_prefix(end + 1);
    if (labels == "}") return names;
  }
  return names;
}

TEST(Metrics, EveryLineIsASampleWithTheDeclaredLabels) {
  std::map<std::string, std::string_view, std::less<>> labels;
  for (const MetricName& metric : metric_names()) labels.emplace(metric.name, metric.labels);
  std::istringstream page(metrics_text(busy_agent(), FakeClock().now()));
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) continue;
    if (line.find("_bucket{le=") != line.npos || line.find("_sum ") != line.npos ||
        line.find("_count ") != line.npos)
      continue;  // of a histogram: see the golden page
    const size_t space = line.rfind(' ');
    const size_t brace = std::min(line.find('{'), space);
    ASSERT_TRUE(labels.contains(line.substr(0, brace))) << line;
    EXPECT_EQ(labels.find(line.substr(0, brace))->second,
              label_names(line.substr(brace, space - brace)))
        << line;
    EXPECT_EQ(std::string::npos, line.find_first_not_of("0123456789.", space + 1)) << line;
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

TEST(Metrics, HistogramIsCumulativeUpToItsCount) {
  AgentSnapshot agent = busy_agent();
  agent.store.commit_ms = {};
  agent.store.commit_ms.observe(1000);       // a bound belongs to its own bucket
  agent.store.commit_ms.observe(7'200'000);  // above all bounds
  const std::string page = metrics_text(agent, FakeClock().now());
  const std::string name = "\nlastseen_store_commit_duration_seconds";
  EXPECT_THAT(page, HasSubstr(name + "_bucket{le=\"0.5\"} 0\n"));
  EXPECT_THAT(page, HasSubstr(name + "_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(page, HasSubstr(name + "_bucket{le=\"3600\"} 1\n"));
  EXPECT_THAT(page, HasSubstr(name + "_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(page, HasSubstr(name + "_sum 7201.000\n"));
  EXPECT_THAT(page, HasSubstr(name + "_count 2\n"));
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
