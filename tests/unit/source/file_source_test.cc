// One test per thing that happens to a log file while it is followed.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Where reading begins ----------------------------------------------------------------------

TEST_F(FileSourceTest, StartBeginReadsWhatIsThere) {
  append("a\nb\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourceTest, StartEndBeginsBehindTheLastNewline) {
  append("a\nb\nhal");
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("", f.news());
  append("f\nc\n");
  f.look();
  EXPECT_EQ("half c", f.news());
}

TEST_F(FileSourceTest, StartEndIsWhereTheFileEndedWhenItWasFirstSeen) {
  append("old\n");
  f.start = Start::kEnd;
  f.launch();
  append("written while the store was down\n");
  f.pass(5000);
  f.step();
  f.restore();
  f.source->begin();
  f.look();
  EXPECT_EQ("written while the store was down", f.news());
}

TEST_F(FileSourceTest, StartEndInsideAnEndlessLineDiscardsItsRest) {
  append(std::string(5000, 'x'));
  f.start = Start::kEnd;
  f.up();
  append("rest\nnext\n");
  f.look();
  EXPECT_EQ("next", f.news());
}

TEST_F(FileSourceTest, NothingIsReadBeforeBegin) {
  append("a\n");
  f.launch();
  f.read();
  f.restore();
  f.read();
  EXPECT_EQ("", f.news());
  EXPECT_EQ("held", (f.launch(), f.state_of(kLog)));
}

TEST_F(FileSourceTest, TheStartChoiceIsCollectedBeforeALineIsRead) {
  append("a\nb\n");
  f.start = Start::kEnd;
  f.launch();
  f.restore();
  f.commit();
  ASSERT_EQ(1u, f.store.size());
  EXPECT_EQ(4u, f.store.begin()->second.position);
  EXPECT_EQ(16u, f.store.begin()->first.size());
  EXPECT_EQ(4u, f.store.begin()->second.tail_bytes);
}

TEST_F(FileSourceTest, RestoreBeforeTheFirstStepLooksAround) {
  append("a\n");
  f.source = std::make_unique<FileSource>(f.settings, f.start, f.disk, f.watcher, f.log);
  f.restore();
  f.commit();
  EXPECT_EQ(1u, f.store.size());
}

TEST_F(FileSourceTest, AFileThatAppearsLaterIsReadFromItsFirstByte) {
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("missing", f.state_of(kLog));
  append("a\n");
  f.run(1100);
  EXPECT_EQ("a", f.news());
  EXPECT_EQ(1u, f.log.count("log is missing"));
}

TEST_F(FileSourceTest, AMissingDirectoryIsWaitedFor) {
  Follower g("/later/x.log");
  g.up();
  EXPECT_EQ("missing: no directory /later", g.state_of("/later/x.log"));
  g.disk.make_directory("/later");
  g.disk.append("/later/x.log", "a\n");
  g.run(1100);
  EXPECT_EQ("a", g.news());
  EXPECT_TRUE(g.watcher.watching("/later") || g.deadline <= g.now.mono_ms + 20);
}

TEST_F(FileSourceTest, AnUnreadableFileCountsAsExisting) {
  append("old\n");
  f.disk.chmod(kLog, false);
  f.start = Start::kEnd;
  f.up();
  EXPECT_EQ("unreadable: Permission denied", f.state_of(kLog));
  EXPECT_FALSE(f.source->drained());
  append("new\n");
  f.run(5000);
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("new", f.news());
  EXPECT_EQ(1u, f.log.count("log cannot be read"));
}

TEST_F(FileSourceTest, WhereADirectoryStoodAtStartAFileIsNew) {
  f.start = Start::kEnd;
  f.disk.make_directory(kLog);
  f.up();
  EXPECT_EQ("unreadable: it is a directory", f.state_of(kLog));
  f.disk.hide_directory(kLog);
  append("a\n");
  f.run(1100);
  EXPECT_EQ("a", f.news());
}

TEST_F(FileSourceTest, FilesInADirectoryThatCouldNotBeListedCountAsExisting) {
  Follower g("/log/*.log", Start::kEnd);
  g.disk.append("/log/a.log", "old\n");
  g.disk.fault = [](Call call, const std::string& path) {
    if (call != Call::kGlob && call != Call::kList) return Status::ok();
    return Status::retry("cannot list " + path + ": Permission denied");
  };
  g.up();
  EXPECT_EQ("unreadable: Permission denied", g.state_of("/log/*.log"));
  g.disk.fault = nullptr;
  g.run(1100);
  g.disk.append("/log/a.log", "new\n");
  g.disk.append("/log/b.log", "later\n");
  g.run(1100);
  EXPECT_EQ("new later", g.news());
}

TEST_F(FileSourceTest, AFileThatAppearsUnreadableIsReadFromItsFirstByte) {
  f.start = Start::kEnd;
  f.up();
  append("a\n");
  f.disk.chmod(kLog, false);
  f.run(3000);
  f.disk.chmod(kLog, true);
  f.run(1100);
  EXPECT_EQ("a", f.news());
}

// --- Lines -------------------------------------------------------------------------------------

TEST_F(FileSourceTest, APartialLineIsReadWhenItIsWhole) {
  append("he");
  f.up();
  EXPECT_EQ("", f.news());
  EXPECT_TRUE(f.source->drained());
  append("llo\n");
  f.look();
  EXPECT_EQ("hello", f.news());
}

TEST_F(FileSourceTest, AnIdlePartialLineIsNotReadAgain) {
  append("par");
  f.up();
  f.run(2000);
  int before = f.disk.calls(Call::kPread);
  f.run(10'000);
  EXPECT_EQ(before, f.disk.calls(Call::kPread));
}

TEST_F(FileSourceTest, ALineLongerThanOneReadGrowsTheBuffer) {
  f.settings.line_bytes_max = 2 << 20;
  std::string line(1'900'000, 'y');
  append("a\n" + line + "\nb\n");
  f.up();
  ASSERT_EQ(3u, f.lines.size());
  EXPECT_EQ(line, f.lines[1]);
  EXPECT_LE(f.buffer.capacity(), size_t{2 << 20} + 16);
}

TEST_F(FileSourceTest, WhatThreadsReadIsReadOnceAndKnownAgain) {
  f.buffer.stretch_bytes = 1000;
  std::vector<std::string> written;
  for (int line = 0; line < 60'000; ++line) written.push_back(std::to_string(line));
  written[50'000] = std::string(5000, 'y');  // no stretch holds it
  std::string text;
  for (const std::string& line : written) text += line + "\n";
  append(text);
  f.up();
  EXPECT_TRUE(written == f.lines);
  EXPECT_GT(f.stretches, 20);
  restart();
  append("more\n");
  f.up();
  EXPECT_EQ(written.size() + 1, f.lines.size());
  EXPECT_EQ("more", f.lines.back());
}

TEST_F(FileSourceTest, AnOverLongLineIsDiscardedAndReadingGoesOn) {
  append("a\n" + std::string(3'000'000, 'x') + "\nb\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.too_long);
}

TEST_F(FileSourceTest, ARestartInsideAnOverLongLineGoesOnDiscarding) {
  append("a\n" + std::string(5000, 'x'));
  f.up();
  restart();
  EXPECT_TRUE(f.store.begin()->second.discarding);
  f.up();
  append("xxx\nb\n");
  f.look();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.too_long);
}

TEST_F(FileSourceTest, LinesThatWereNotTakenAreGivenAgain) {
  append("a\nb\n");
  f.launch();
  f.restore();
  f.source->begin();
  f.look();
  append("c\nd\n");
  f.look();
  f.news();
  append("e\nf\n");
  f.pass(5000);
  f.step();
  std::optional<Chunk> chunk = f.source->read(f.buffer, f.now);
  ASSERT_TRUE(chunk);
  f.source->consume(*chunk, 2, false);  // the pipeline pauses after `e`
  f.read();
  EXPECT_EQ("f", f.news());
}

}  // namespace
}  // namespace lastseen
