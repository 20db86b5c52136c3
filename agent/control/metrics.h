// GET /metrics: a snapshot as Prometheus text (exposition format 0.0.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/snapshot.h"

namespace lastseen {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct MetricName {
  std::string_view name;
  std::string_view type;    ///< "counter", "gauge" or "histogram"
  std::string_view labels;  ///< "", "input" or "input, reason"; a histogram has `le` besides
  std::string_view help;    ///< One line, a sentence.
};

/// Every metric there is, in the order of the page. The documentation is held against it.
std::vector<MetricName> metric_names();

std::string metrics_text(const AgentSnapshot& snapshot, Now now);

}  // namespace lastseen
