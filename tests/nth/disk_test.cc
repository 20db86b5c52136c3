// The file source, the pipeline and the flusher through a day of a log, once for each call that
// they make of the disk or the store: that call fails, and every line is counted once all the same.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "fakes/fake_file_system.h"
#include "fakes/gzip_bytes.h"
#include "nth/nth_store.h"
#include "sim/incarnation.h"
#include "sim/sim_store.h"

namespace lastseen::sim {
namespace {

constexpr int64_t kStepMs = 20;
constexpr int64_t kPatienceMs = 120'000;  // within which everything that failed is tried again

/// A disk, a store, an agent, and what the table must hold in the end.
class Day {
 public:
  explicit Day(Start start = Start::kBegin) {
    disk.make_directory("/log");
    options.inputs = {{"web", "/log/*.log"}};
    options.start = start;
  }
  ~Day() { agent_.reset(); }

  void write(const std::string& path, int lines) {
    for (int i = 0; i < lines; ++i) disk.append(path, line());
  }
  /// A line of a client of its own, that must be counted once.
  std::string line() {
    const std::string client = "client-" + std::to_string(expected_.size());
    expected_[client] = {now_.wall_ms, 1};
    const std::string ms = std::to_string(now_.wall_ms);
    return "{\"msec\":" + ms.substr(0, ms.size() - 3) + "." + ms.substr(ms.size() - 3) +
           ",\"client_id\":\"" + client + "\"}\n";
  }
  void start() { agent_ = std::make_unique<Incarnation>(options, disk, calls, now_); }
  void crash() { agent_.reset(); }
  void run(int64_t ms) {
    for (const int64_t end = now_.mono_ms + ms; now_.mono_ms < end;) {
      now_.mono_ms += kStepMs;
      now_.wall_ms += kStepMs;
      disk.now_ns = now_.wall_ms * 1'000'000;
      agent_->ingest(now_);
      agent_->flush(now_, 0);  // begins a call
      agent_->flush(now_, 0);  // and answers it
    }
  }
  /// Runs until everything that was written is in the table.
  bool settle() {
    for (int64_t waited = 0; waited < kPatienceMs; waited += 200) {
      if (agent_->loaded() && store.clients_now() == expected_) return true;
      run(200);
    }
    return false;
  }
  /// What is wrong, or empty.
  std::string trouble() {
    if (!agent_->broken().empty()) return agent_->broken();
    const LedgerCounts totals = store.totals("web");
    if (totals.lines_read != expected_.size())
      return "read " + std::to_string(totals.lines_read) + " of " +
             std::to_string(expected_.size()) + " lines";
    for (const auto& [client, wanted] : expected_) {
      const auto found = store.clients_now().find(client);
      if (found == store.clients_now().end()) return client + " is missing";
      if (found->second.sightings != 1)
        return client + " was counted " + std::to_string(found->second.sightings) + " times";
    }
    for (const uint64_t bytes : totals.lost_bytes)
      if (bytes > 0) return "bytes were said to be lost";
    return store.clients_now() == expected_ ? "" : "the table holds other rows";
  }
  std::string log() const {
    std::string all;
    for (const RecordingLog::Line& said : agent_->log().lines()) all += "\n  " + said.text;
    return all;
  }

  FakeFileSystem disk;
  SimStore store{StoreBugs{}};
  NthStore calls{store};
  AgentOptions options;

 private:
  Now now_{1000, 1'795'000'000'000};
  std::map<std::string, StoredClient> expected_;
  std::unique_ptr<Incarnation> agent_;
};

void rotate(FakeFileSystem& disk, const std::string& path) {
  if (disk.exists(path + ".1")) disk.rename(path + ".1", path + ".2");
  disk.rename(path, path + ".1");
}

/// Two logs; a rotation while the writer goes on; a kill, with a rotation and gzip before the
/// restart; a truncation; a log that appears; a deletion. Nothing is destroyed before it is read.
std::string live(Day& day) {
  FakeFileSystem& disk = day.disk;
  const std::string web = "/log/web.log";
  const std::string api = "/log/api.log";
  day.write(web, 20);
  day.write(api, 5);
  day.start();
  if (!day.settle()) return "the first lines: " + day.trouble();

  auto writer = disk.writer(web);
  rotate(disk, web);
  writer.append(day.line());  // until USR1
  day.run(100);
  day.write(web, 3);
  const std::string halves = day.line();
  disk.append(web, halves.substr(0, 10));
  day.run(100);
  disk.append(web, halves.substr(10));
  if (!day.settle()) return "a rotation: " + day.trouble();

  day.crash();
  day.write(web, 2);
  rotate(disk, web);
  day.write(web, 4);
  rotate(disk, web);
  disk.compress(web + ".2", gzip_bytes(disk.bytes(web + ".2")));
  day.write(web, 2);
  day.start();
  if (!day.settle()) return "rotations while down: " + day.trouble();

  disk.truncate(api);
  day.write(api, 2);
  day.write("/log/late.log", 2);
  if (!day.settle()) return "a truncation: " + day.trouble();

  disk.remove(api);
  day.write(api, 3);
  if (!day.settle()) return "a deletion: " + day.trouble();
  day.run(2000);  // time enough to count something twice
  return day.trouble();
}

/// Sanitized runs are ten times as long; the normal build does them all.
int64_t stride() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 11;
#else
  return 1;
#endif
}

class NthDiskCall : public testing::TestWithParam<Status> {};

TEST_P(NthDiskCall, FailsAndEveryLineIsCountedOnce) {
  for (int64_t n = 0;; n += stride()) {
    Day day;
    day.disk.fail_nth(n, GetParam());
    const std::string wrong = live(day);
    ASSERT_EQ("", wrong) << "call " << n << day.log();
    if (!day.disk.nth_failed()) break;
    ASSERT_LT(n, 100'000);
  }
}

INSTANTIATE_TEST_SUITE_P(Statuses, NthDiskCall,
                         testing::Values(Status::retry("cannot do it: Input/output error"),
                                         Status::not_found("cannot do it: No such file")),
                         [](const auto& test) { return test.index == 0 ? "Retry" : "NotFound"; });

TEST(NthDiskCallAtTheStart, LeavesWhatWasThereBeforeUnread) {
  for (int64_t n = 0;; ++n) {
    Day day(Start::kEnd);
    day.disk.append("/log/web.log", "{\"msec\":1.000,\"client_id\":\"old\"}\n");
    day.disk.fail_nth(n, Status::retry("cannot do it: Too many open files"));
    day.start();
    day.run(3000);
    day.write("/log/web.log", 3);
    ASSERT_TRUE(day.settle()) << "call " << n << ": " << day.trouble() << day.log();
    ASSERT_EQ("", day.trouble()) << "call " << n << day.log();
    if (!day.disk.nth_failed()) break;
  }
}

class NthStoreCall : public testing::TestWithParam<std::tuple<StoreFault, std::string>> {};

TEST_P(NthStoreCall, FailsAndEveryLineIsCountedOnce) {
  const auto& [fault, sqlstate] = GetParam();
  for (int64_t n = 0;; ++n) {
    Day day;
    day.calls.fail_nth(n, fault, sqlstate);
    const std::string wrong = live(day);
    ASSERT_EQ("", wrong) << "call " << n << day.log();
    if (!day.calls.nth_failed()) break;
    ASSERT_LT(n, 10'000);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Errors, NthStoreCall,
    testing::Combine(testing::Values(StoreFault::kFailsBefore, StoreFault::kReplyLost),
                     testing::Values("08006", "40001", "53100", "57P01", "25006", "42P01")),
    [](const auto& test) {
      const bool lost = std::get<0>(test.param) == StoreFault::kReplyLost;
      return (lost ? "ReplyLost" : "FailsBefore") + std::get<1>(test.param);
    });

}  // namespace
}  // namespace lastseen::sim
