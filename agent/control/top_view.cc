#include "control/top_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/human_text.h"
#include "control/health.h"
#include "control/printable.h"

namespace lastseen {

namespace {

using Style = TopLine::Style;

// Of two answers of the same process; counters of another one may have begun anew.
std::optional<double> seconds_between(const TopView& view) {
  if (!view.latest || !view.before || view.latest->pid != view.before->pid) return std::nullopt;
  const int64_t ms = view.latest->snapshot.at_mono_ms - view.before->snapshot.at_mono_ms;
  if (ms <= 0) return std::nullopt;
  return static_cast<double>(ms) / 1000.0;
}

class Rates {
 public:
  explicit Rates(const TopView& view) : seconds_(seconds_between(view)) {}

  /// A second; nullopt: not known.
  std::optional<double> of(uint64_t now, uint64_t before) const {
    if (!seconds_ || now < before) return std::nullopt;
    return static_cast<double>(now - before) / *seconds_;
  }
  /// "1,204", "0.5", "-".
  std::string text(uint64_t now, uint64_t before) const {
    const auto rate = of(now, before);
    if (!rate) return "-";
    if (*rate >= 10 || *rate == 0) return grouped(static_cast<uint64_t>(std::llround(*rate)));
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", *rate);
    return text;
  }
  std::string bytes(uint64_t now, uint64_t before) const {
    const auto rate = of(now, before);
    return rate ? bytes_text(static_cast<uint64_t>(std::llround(*rate))) : "-";
  }

 private:
  std::optional<double> seconds_;
};

// The same input a moment before; one that has just come is compared with itself.
const InputSnapshot& before_of(const TopView& view, const InputSnapshot& input) {
  if (!view.before) return input;
  for (const InputSnapshot& other : view.before->snapshot.inputs)
    if (other.name == input.name) return other;
  return input;
}

LedgerCounts sum_of(const std::optional<AgentStatus>& status) {
  LedgerCounts sum;
  if (!status) return sum;
  for (const InputSnapshot& input : status->snapshot.inputs) sum.add(input.totals);
  return sum;
}

std::string pad_left(const std::string& text, size_t width) {
  return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

std::string pad_right(const std::string& text, size_t width) {
  const auto length = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
  return length >= width ? text : text + std::string(width - length, ' ');
}

void add_agent(const TopView& view, Now now, std::vector<TopLine>& lines) {
  const AgentStatus& status = *view.latest;
  lines.push_back({"lastseen " + status.version + ", agent " + printable(status.snapshot.agent_id) +
                       " (pid " + std::to_string(status.pid) + "), " +
                       std::string(state_of(status.snapshot)) + ", up " +
                       duration(uptime_ms(status.snapshot, now)),
                   Style::kHeading});
  if (!view.trouble.empty()) {
    const int64_t age_ms = now.mono_ms - status.snapshot.at_mono_ms;
    lines.push_back({"as of " + duration(age_ms) + " ago: " + view.trouble, Style::kTrouble});
  } else if (!status.not_ready.empty()) {
    lines.push_back({"ready    no: " + printable(status.not_ready), Style::kTrouble});
  } else {
    lines.push_back({"ready    yes", Style::kGood});
  }
}

void add_lines_read(const TopView& view, const Rates& rates, std::vector<TopLine>& lines) {
  const LedgerCounts sum = sum_of(view.latest), before = sum_of(view.before);
  uint64_t pending = 0, lag = 0;
  for (const InputSnapshot& input : view.latest->snapshot.inputs) {
    pending += input.pending;
    lag += lag_bytes(input);
  }
  lines.push_back({"lines    " + rates.text(sum.lines_read, before.lines_read) + "/s, " +
                   rates.bytes(sum.bytes_read, before.bytes_read) + "/s; pending " +
                   grouped(pending) + ", lag " + bytes_text(lag)});
  std::string skipped;
  for (size_t i = 0; i < kSkipReasonNames.size(); ++i) {
    if (sum.skipped[i] == 0) continue;
    skipped += (skipped.empty() ? "" : ", ") + std::string(kSkipReasonNames[i]) + " " +
               grouped(sum.skipped[i]) + " (" + rates.text(sum.skipped[i], before.skipped[i]) +
               "/s)";
  }
  lines.push_back({"skipped  " + (skipped.empty() ? "none" : skipped)});
  std::string gone;
  for (size_t i = 0; i < kLossReasonNames.size(); ++i) {
    if (sum.lost[i] > 0)
      gone += ", " + std::string(kLossReasonNames[i]) + " " + counted(sum.lost[i], "line");
    if (sum.lost_bytes[i] > 0)
      gone += ", " + std::string(kLossReasonNames[i]) + " " + bytes_text(sum.lost_bytes[i]);
  }
  if (sum.quarantined > 0) gone += ", quarantined " + counted(sum.quarantined, "line");
  if (!gone.empty()) lines.push_back({"lost     " + gone.substr(2), Style::kTrouble});
}

void add_store(const TopView& view, const Rates& rates, Now now, std::vector<TopLine>& lines) {
  const AgentSnapshot& snapshot = view.latest->snapshot;
  const StoreSnapshot& store = snapshot.store;
  const StoreSnapshot before = view.before ? view.before->snapshot.store : StoreSnapshot();
  std::string text = "store    " + store.type + " " + std::string(name_of(store.state));
  if (const auto age_ms = last_commit_age_ms(snapshot, now))
    text += ", last commit " + duration(*age_ms) + " ago";
  else
    text += ", no commit yet";
  if (store.last_commit_duration_ms >= 0)
    text += ", took " + std::to_string(store.last_commit_duration_ms) + " ms";
  if (store.retries > 0) text += ", failed " + grouped(store.retries);
  lines.push_back({text, store.state == StoreState::kOk ? Style::kPlain : Style::kTrouble});
  lines.push_back({"commits  " + rates.text(store.batches, before.batches) + "/s, " +
                   rates.text(store.rows, before.rows) + " rows/s; since the start " +
                   grouped(store.batches) + ", " + counted(store.rows, "row")});
  const uint64_t most = std::max<uint64_t>(snapshot.buffer_clients_max, 1);
  lines.push_back(
      {"clients  " + grouped(snapshot.buffer_clients) + " of " + grouped(most) + " in memory (" +
       std::to_string(snapshot.buffer_clients * 100 / most) + " %), oldest read " +
       (snapshot.oldest_pending_mono_ms == 0 ? "-"
                                             : duration(freshness_ms(snapshot, now)) + " ago")});
}

std::string input_row(const std::array<std::string, 7>& cells) {
  std::string text = pad_right(cells[0], 20);
  constexpr std::array<size_t, 6> kWidths = {9, 13, 11, 9, 10, 8};
  for (size_t i = 0; i < kWidths.size(); ++i) text += pad_left(cells[i + 1], kWidths[i]);
  return text;
}

void add_input(const InputSnapshot& input, const InputSnapshot& before, const Rates& rates,
               std::vector<TopLine>& lines) {
  const LedgerCounts &totals = input.totals, &old = before.totals;
  lines.push_back({input_row({printable(input.name), rates.text(totals.lines_read, old.lines_read),
                              rates.bytes(totals.bytes_read, old.bytes_read) + "/s",
                              bytes_text(lag_bytes(input)), grouped(input.pending),
                              rates.text(totals.skipped_sum(), old.skipped_sum()),
                              grouped(totals.lost_sum())})});
  if (input.files.empty()) lines.push_back({"  no file matches yet", Style::kTrouble});
  for (const FileSnapshot& file : input.files) {
    const bool trouble = file.state.starts_with("unreadable") || file.state.starts_with("missing");
    const uint64_t behind = file.size > file.position ? file.size - file.position : 0;
    lines.push_back({"  " + pad_right(printable(file.path), 40) + " " +
                         pad_left(bytes_text(file.size), 10) + ", " +
                         (behind == 0 ? "read" : bytes_text(behind) + " left") + ", " +
                         printable(file.state),
                     trouble ? Style::kTrouble : Style::kPlain});
  }
}

// What of the list finds room below `lines`; returns how far it is scrolled.
size_t add_list(const std::vector<TopLine>& list, size_t scroll, size_t rows,
                std::vector<TopLine>& lines) {
  const size_t room = rows > lines.size() ? rows - lines.size() : 0;
  if (rows == 0 || list.size() <= room) {
    lines.insert(lines.end(), list.begin(), list.end());
    return 0;
  }
  const size_t shown = room > 0 ? room - 1 : 0;
  const size_t first = std::min(scroll, list.size() - shown);
  const auto begin = list.begin() + static_cast<ptrdiff_t>(first);
  lines.insert(lines.end(), begin, begin + static_cast<ptrdiff_t>(shown));
  lines.push_back({"lines " + std::to_string(first + 1) + "-" + std::to_string(first + shown) +
                   " of " + std::to_string(list.size()) + "; j and k scroll, q quits"});
  return first;
}

}  // namespace

std::string cut_to_width(const std::string& text, size_t columns) {
  if (columns == 0) return text;
  size_t characters = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if ((text[at] & 0xC0) == 0x80) continue;  // goes on with the one before
    if (characters++ == columns) return text.substr(0, at);
  }
  return text;
}

TopScreen top_screen(const TopView& view, Now now, size_t rows, size_t columns) {
  TopScreen screen;
  std::vector<TopLine>& lines = screen.lines;
  if (!view.latest) {
    lines.push_back({"lastseen top: waiting for the agent", Style::kHeading});
    if (!view.trouble.empty()) lines.push_back({view.trouble, Style::kTrouble});
  } else {
    const Rates rates(view);
    add_agent(view, now, lines);
    add_lines_read(view, rates, lines);
    add_store(view, rates, now, lines);
    lines.push_back({""});
    lines.push_back(
        {input_row({"INPUT", "LINES/S", "BYTES/S", "LAG", "PENDING", "SKIPPED/S", "LOST"}),
         Style::kHeading});
    std::vector<TopLine> list;
    for (const InputSnapshot& input : view.latest->snapshot.inputs)
      add_input(input, before_of(view, input), rates, list);
    screen.scroll = add_list(list, view.scroll, rows, lines);
  }
  if (rows > 0 && lines.size() > rows) lines.resize(rows);
  for (TopLine& line : lines) line.text = cut_to_width(line.text, columns);
  return screen;
}

}  // namespace lastseen
