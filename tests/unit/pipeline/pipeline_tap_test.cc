// Lookers-on: every counted line is shown once, as it stood.
#include <gmock/gmock.h>

#include <algorithm>

#include "unit/pipeline/pipeline_fixture.h"

namespace lastseen {
namespace {

using testing::HasSubstr;

class PipelineTapTest : public PipelineTest {
 protected:
  void look_on() {
    sightings_ = taps_.open({});
    skipped_ = taps_.open({.skipped = true});
    pipeline_->show_lines_to(&taps_);
  }
  static int64_t count(const std::string& text, char c = '\n') {
    return std::count(text.begin(), text.end(), c);
  }

  Taps taps_;
  std::shared_ptr<TapQueue> sightings_;
  std::shared_ptr<TapQueue> skipped_;
};

TEST_F(PipelineTapTest, LinesOfAFileAreShownAndThoseTooLongOnlyNamed) {
  build();
  load_known();
  look_on();
  sources_[0]->bytes = "A 1\nbad\r\n" + std::string(65, 'x') + "\nB 2\n";
  step(0);
  EXPECT_EQ(2, count(sightings_->take()));
  EXPECT_EQ(
      "{\"input\":\"input0\",\"skipped\":\"malformed\",\"line\":\"bad\"}\n"
      "{\"input\":\"input0\",\"skipped\":\"line_too_long\",\"line\":\"\"}\n",
      skipped_->take());
}

TEST_F(PipelineTapTest, ALineThatHasToWaitForRoomIsShownWhenItIsCounted) {
  PipelineOptions options;
  options.clients_max = 5;
  build(options);
  load_known();
  look_on();
  sources_[0]->bytes = "a 1\nb 1\nbad\nc 1\nd 1\ne 1\nf 1\n";
  ASSERT_TRUE(step(0).has_value());  // 80 % are taken
  EXPECT_EQ(4, count(sightings_->take()));
  commit();
  step(1);
  const std::string shown = sightings_->take();
  EXPECT_EQ(2, count(shown));
  EXPECT_THAT(shown, HasSubstr("\"client_id\":\"e\""));
  EXPECT_EQ(1, count(skipped_->take()));
  EXPECT_EQ(7u, ledger().totals.lines_read);
}

TEST_F(PipelineTapTest, RecordsAreShownWhole) {
  urgent_ = true;
  build();
  load_known();
  look_on();
  for (const char* record : {"A 1\n", "bad\nworse", "bad\r\n", "B 2"})
    sources_[0]->add_record(record);
  step(0);
  EXPECT_EQ(2, count(sightings_->take()));
  EXPECT_EQ(
      "{\"input\":\"input0\",\"skipped\":\"malformed\",\"line\":\"bad\\\\x0Aworse\"}\n"
      "{\"input\":\"input0\",\"skipped\":\"malformed\",\"line\":\"bad\"}\n",
      skipped_->take());
}

TEST_F(PipelineTapTest, AClientIsPendingUntilItsBatchIsSealed) {
  build(PipelineOptions(), 2);
  load_known();
  sources_[0]->bytes = "A 1\n";
  sources_[1]->bytes = "A 7\nA 3\nB 1\n";
  ASSERT_TRUE(step(0).has_value());
  sources_[0]->bytes += "A 2\n";
  sources_[1]->bytes += "A 1\nB 9\n";
  step(1);  // one is out already
  ClientView view;
  pipeline_->look_up("A", view);
  EXPECT_EQ(2u, view.pending);
  EXPECT_EQ(2, view.pending_last_seen_ms);
  ClientView nobody;
  pipeline_->look_up("nobody", nobody);
  EXPECT_FALSE(nobody.is_known());
}

}  // namespace
}  // namespace lastseen
