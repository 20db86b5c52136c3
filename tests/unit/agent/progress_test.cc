#include "progress.h"

#include <gtest/gtest.h>

namespace lastseen {
namespace {

AgentSnapshot at(int64_t mono_ms, uint64_t lines, uint64_t position, uint64_t size) {
  AgentSnapshot snapshot;
  snapshot.at_mono_ms = mono_ms;
  InputSnapshot& input = snapshot.inputs.emplace_back();
  input.totals.lines_read = lines;
  input.files.push_back({"/var/log/nginx/access.log", position, size, "reading"});
  return snapshot;
}

TEST(Progress, HalfReadShowsHalfABarTheRateAndWhatIsLeft) {
  EXPECT_EQ("[############............]  50 %  1,204,331 lines  120,433 lines/s  10 s left",
            render_progress(at(10'000, 1'204'331, 500, 1000)));
}

TEST(Progress, EverythingReadLeavesNothing) {
  EXPECT_EQ("[########################] 100 %  10 lines  10 lines/s",
            render_progress(at(1000, 10, 1000, 1000)));
}

TEST(Progress, NoFileAtAllIsDone) {
  AgentSnapshot nothing;
  nothing.at_mono_ms = 1000;
  EXPECT_EQ("[########################] 100 %  0 lines  0 lines/s", render_progress(nothing));
}

TEST(Progress, WaitingForTheStoreIsSaid) {
  AgentSnapshot snapshot = at(1000, 10, 1000, 1000);
  snapshot.store.last_error = "connection refused";
  EXPECT_NE(std::string::npos, render_progress(snapshot).find("store: waiting"));
}

TEST(StatusLine, RateIsThatSinceTheLineBefore) {
  StatusLine line;
  AgentSnapshot snapshot = at(1000, 100, 0, 1000);
  snapshot.store.state = StoreState::kOk;
  EXPECT_EQ("following 1 file, lag 1,000 bytes, 0 lines pending, store ok", line.render(snapshot));
  snapshot = at(6000, 5100, 1000, 1000);
  snapshot.store.state = StoreState::kHolding;
  snapshot.store.last_error = "permission denied";
  EXPECT_EQ(
      "following 1 file, 1,000 lines/s, lag 0 bytes, 0 lines pending, store holding: permission "
      "denied",
      line.render(snapshot));
}

}  // namespace
}  // namespace lastseen
