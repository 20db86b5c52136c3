#include "control/metrics.h"

#include <array>
#include <cstdio>
#include <initializer_list>

#include "control/health.h"
#include "control/printable.h"

namespace lastseen {

namespace {

struct Label {
  std::string_view name;
  std::string_view value;
};

// Backslash, quote and newline are escaped in label values (exposition format 0.0.4).
std::string escape_label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

std::string seconds_text(int64_t ms) {
  char value[32];
  std::snprintf(value, sizeof value, "%lld.%03d", static_cast<long long>(ms / 1000),
                static_cast<int>(ms % 1000));
  return value;
}

// A bound is a label: "0.5" and "1", as other programs write them.
std::string without_trailing_zeros(std::string number) {
  if (number.find('.') == number.npos) return number;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number;
}

std::string whole(int64_t count) {
  return std::to_string(count);
}

// Appends the samples of one metric.
class Samples {
 public:
  Samples(std::string& text, std::string_view name) : text_(text), name_(name) {}

  void add(std::initializer_list<Label> labels, uint64_t value) {
    write(labels, std::to_string(value));
  }
  void add_seconds(int64_t ms) { write({}, seconds_text(ms)); }

  /// `as_unit` writes a bound, or the sum, in the metric's unit.
  template <const auto& kBounds>
  void add(const Histogram<kBounds>& histogram, std::string (*as_unit)(int64_t)) {
    uint64_t cumulative = 0;
    for (size_t i = 0; i < kBounds.size(); ++i) {
      cumulative += histogram.counts[i];
      const std::string bound = without_trailing_zeros(as_unit(static_cast<int64_t>(kBounds[i])));
      write({{"le", bound}}, std::to_string(cumulative), "_bucket");
    }
    const std::string count = std::to_string(cumulative + histogram.counts.back());
    write({{"le", "+Inf"}}, count, "_bucket");
    write({}, as_unit(static_cast<int64_t>(histogram.sum)), "_sum");
    write({}, count, "_count");
  }

 private:
  void write(std::initializer_list<Label> labels, std::string_view value,
             std::string_view suffix = "") {
    text_.append(name_).append(suffix);
    char separator = '{';
    for (const Label& label : labels) {
      text_ += separator;
      text_ += label.name;
      text_ += "=\"";
      text_ += escape_label(label.value);
      text_ += '"';
      separator = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
  }

  std::string& text_;
  std::string_view name_;
};

struct Scrape {
  const AgentSnapshot& snapshot;
  Now now;
};

using Collect = void (*)(const Scrape&, Samples&);

struct Metric {
  MetricName name;
  Collect collect;
};

// The totals of the ledger come from the store. Until they are loaded there is no sample: one of
// 0 would look like a restarted counter, and rate() would take the whole total for new.
template <auto kMember>
void total_of_input(const Scrape& scrape, Samples& samples) {
  if (!scrape.snapshot.store.positions_loaded) return;
  for (const InputSnapshot& input : scrape.snapshot.inputs)
    samples.add({{"input", input.name}}, input.totals.*kMember);
}

template <auto kMember, const auto& kNames>
void totals_by_reason(const Scrape& scrape, Samples& samples) {
  if (!scrape.snapshot.store.positions_loaded) return;
  for (const InputSnapshot& input : scrape.snapshot.inputs) {
    for (size_t i = 0; i < kNames.size(); ++i)
      samples.add({{"input", input.name}, {"reason", kNames[i]}}, (input.totals.*kMember)[i]);
  }
}

template <auto kMember>
void total_of_store(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.store.*kMember);
}

template <auto kMember>
void duration_of_store(const Scrape& scrape, Samples& samples) {
  samples.add(scrape.snapshot.store.*kMember, seconds_text);
}

void commit_rows(const Scrape& scrape, Samples& samples) {
  samples.add(scrape.snapshot.store.commit_rows, whole);
}

void pending(const Scrape& scrape, Samples& samples) {
  for (const InputSnapshot& input : scrape.snapshot.inputs)
    samples.add({{"input", input.name}}, input.pending);
}

void connections_refused(const Scrape& scrape, Samples& samples) {
  for (const InputSnapshot& input : scrape.snapshot.inputs)
    samples.add({{"input", input.name}}, input.connections_refused());
}

void file_lag(const Scrape& scrape, Samples& samples) {
  for (const InputSnapshot& input : scrape.snapshot.inputs)
    samples.add({{"input", input.name}}, lag_bytes(input));
}

void files(const Scrape& scrape, Samples& samples) {
  for (const InputSnapshot& input : scrape.snapshot.inputs)
    samples.add({{"input", input.name}}, input.files.size());
}

void buffer_clients(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.buffer_clients);
}

void buffer_clients_max(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.buffer_clients_max);
}

void store_up(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.store.state == StoreState::kOk ? 1u : 0u);
}

void store_holding(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.store.state == StoreState::kHolding ? 1u : 0u);
}

// No sample before the first commit: an age of 0 would look like health.
void last_commit_age(const Scrape& scrape, Samples& samples) {
  if (const auto age_ms = last_commit_age_ms(scrape.snapshot, scrape.now))
    samples.add_seconds(*age_ms);
}

void last_commit_duration(const Scrape& scrape, Samples& samples) {
  const int64_t duration_ms = scrape.snapshot.store.last_commit_duration_ms;
  if (duration_ms >= 0) samples.add_seconds(duration_ms);
}

void freshness(const Scrape& scrape, Samples& samples) {
  samples.add_seconds(freshness_ms(scrape.snapshot, scrape.now));
}

void uptime(const Scrape& scrape, Samples& samples) {
  samples.add_seconds(uptime_ms(scrape.snapshot, scrape.now));
}

void reloads(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.reload.done);
}

void failed_reloads(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.reload.failed);
}

void reload_successful(const Scrape& scrape, Samples& samples) {
  samples.add({}, scrape.snapshot.reload.error.empty() ? 1u : 0u);
}

void ready(const Scrape& scrape, Samples& samples) {
  samples.add({}, not_ready_reason(scrape.snapshot, scrape.now).empty() ? 1u : 0u);
}

void build_info(const Scrape&, Samples& samples) {
  samples.add({{"version", LASTSEEN_VERSION}}, 1);
}

// The totals of the ledger first, in the order of its equation.
constexpr Metric kMetrics[] = {
    {{"lastseen_lines_read_total", "counter", "input",
      "Lines read since the input was first seen."},
     total_of_input<&LedgerCounts::lines_read>},
    {{"lastseen_bytes_read_total", "counter", "input",
      "Bytes read since the input was first seen."},
     total_of_input<&LedgerCounts::bytes_read>},
    {{"lastseen_lines_committed_total", "counter", "input",
      "Lines whose sighting is in a committed batch."},
     total_of_input<&LedgerCounts::committed>},
    {{"lastseen_lines_pending", "gauge", "input",
      "Lines whose sighting is read and not committed yet."},
     pending},
    {{"lastseen_lines_skipped_total", "counter", "input, reason",
      "Lines read that gave no sighting."},
     totals_by_reason<&LedgerCounts::skipped, kSkipReasonNames>},
    {{"lastseen_lines_quarantined_total", "counter", "input",
      "Lines whose row the store refused; the rows are in lastseen_quarantine."},
     total_of_input<&LedgerCounts::quarantined>},
    {{"lastseen_lines_lost_total", "counter", "input, reason",
      "Lines read whose sighting could not be kept."},
     totals_by_reason<&LedgerCounts::lost, kLossReasonNames>},
    {{"lastseen_bytes_lost_total", "counter", "input, reason",
      "Bytes that were gone before they could be read; a lower bound."},
     totals_by_reason<&LedgerCounts::lost_bytes, kLossReasonNames>},
    {{"lastseen_connections_refused_total", "counter", "input",
      "Connections of a feed turned away since the start, for there were too many."},
     connections_refused},
    {{"lastseen_file_lag_bytes", "gauge", "input",
      "Bytes written to the followed files, not read."},
     file_lag},
    {{"lastseen_files", "gauge", "input", "Files followed, rotated ones that are still held too."},
     files},
    {{"lastseen_buffer_clients", "gauge", "", "Clients in memory that wait for a commit."},
     buffer_clients},
    {{"lastseen_buffer_clients_max", "gauge", "", "Most clients that memory may hold."},
     buffer_clients_max},
    {{"lastseen_ready", "gauge", "", "1 while /readyz answers 200, else 0."}, ready},
    {{"lastseen_store_up", "gauge", "", "1 while the store takes data, else 0."}, store_up},
    {{"lastseen_store_holding", "gauge", "",
      "1 while the store refuses data until somebody mends it (rights, table, password)."},
     store_holding},
    {{"lastseen_store_batches_total", "counter", "", "Batches committed since the start."},
     total_of_store<&StoreSnapshot::batches>},
    {{"lastseen_store_rows_total", "counter", "",
      "Rows sent in committed batches since the start."},
     total_of_store<&StoreSnapshot::rows>},
    {{"lastseen_store_retries_total", "counter", "", "Commits that failed since the start."},
     total_of_store<&StoreSnapshot::retries>},
    {{"lastseen_store_rewinds_total", "counter", "",
      "How often the store was found to have lost commits (failover, restore)."},
     total_of_store<&StoreSnapshot::rewinds>},
    {{"lastseen_times_clamped_total", "counter", "",
      "Times further ahead of the store's clock than last_seen.future_max."},
     total_of_store<&StoreSnapshot::clamped>},
    {{"lastseen_store_withheld_clients", "gauge", "",
      "Clients whose newest time last_seen.resolution withholds; a kill loses these."},
     total_of_store<&StoreSnapshot::withheld>},
    {{"lastseen_store_last_commit_age_seconds", "gauge", "",
      "Time since the last commit; absent before the first."},
     last_commit_age},
    {{"lastseen_store_last_commit_duration_seconds", "gauge", "",
      "How long the last commit took; absent before the first."},
     last_commit_duration},
    {{"lastseen_store_commit_duration_seconds", "histogram", "",
      "How long each commit since the start took."},
     duration_of_store<&StoreSnapshot::commit_ms>},
    {{"lastseen_store_commit_rows", "histogram", "",
      "Rows sent in each commit since the start; a commit that only moves positions has 0."},
     commit_rows},
    {{"lastseen_read_to_commit_seconds", "histogram", "",
      "For each line with a sighting: the time from reading it to its commit."},
     duration_of_store<&StoreSnapshot::read_to_commit_ms>},
    {{"lastseen_freshness_seconds", "gauge", "", "Age of the oldest pending sighting; 0: none."},
     freshness},
    {{"lastseen_config_reloads_total", "counter", "",
      "Reloads of the configuration since the start that were carried out."},
     reloads},
    {{"lastseen_config_reloads_failed_total", "counter", "",
      "Reloads since the start that were refused; the configuration before them went on."},
     failed_reloads},
    {{"lastseen_config_last_reload_successful", "gauge", "",
      "0 while the configuration file is not what runs, because the last reload failed."},
     reload_successful},
    {{"lastseen_uptime_seconds", "gauge", "", "Time since the agent started."}, uptime},
    {{"lastseen_build_info", "gauge", "version", "Always 1; the label tells the version."},
     build_info},
};

}  // namespace

std::vector<MetricName> metric_names() {
  std::vector<MetricName> names;
  for (const Metric& metric : kMetrics) names.push_back(metric.name);
  return names;
}

std::string metrics_text(const AgentSnapshot& snapshot, Now now) {
  const Scrape scrape{snapshot, now};
  std::string text;
  for (const auto& [name, collect] : kMetrics) {
    text.append("# HELP ").append(name.name).append(" ").append(name.help).append("\n");
    text.append("# TYPE ").append(name.name).append(" ").append(name.type).append("\n");
    Samples samples(text, name.name);
    collect(scrape, samples);
  }
  return text;
}

}  // namespace lastseen
