// Files that another agent has read before this one's input began.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

std::string numbered(const std::string& word, int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i)
    lines += word + " 2026-11-28 with something to make the line as long as one of a log " +
             std::to_string(i) + "\n";
  return lines;
}

struct FileSourceForeign : FileSourceTest {
  // Agent "old" reads all of it; then this is agent "new", to which the store is empty.
  void read_as_old(int lines = 20) {
    append(numbered("line", 0, lines));
    f.up();
    f.commit();
    f.crash();
    old_store = f.store;
    become_new();
  }
  void become_new() {
    std::vector<ForeignPosition> positions;
    for (const auto& row : old_store) positions.push_back({"old", row.second});
    f.foreign = std::make_shared<const std::vector<ForeignPosition>>(std::move(positions));
    f.store.clear();
    f.input_known = false;
    f.news();
  }
  void take_over() {
    f.store = old_store;
    f.input_known = true;
    f.restore();
    f.source->begin();
    f.look();
  }
  std::map<std::string, Position> old_store;
};

TEST_F(FileSourceForeign, TheInputWaitsAndNamesTheAgent) {
  read_as_old();
  f.up();
  EXPECT_TRUE(f.source->held_back());
  f.run(5000);
  EXPECT_EQ("", f.news());
  EXPECT_FALSE(f.source->drained());
  EXPECT_EQ("read by agent 'old'", f.state_of(kLog));
  EXPECT_EQ(1u, f.log.count("another agent has read"));
  EXPECT_EQ(1u, f.log.count_at_least(LogLevel::kWarn));
}

TEST_F(FileSourceForeign, TakenPositionsAreGoneOnFromWithoutARestart) {
  read_as_old();
  append("missed\n");
  f.up();
  append("waited\n");
  rotate();
  append("rotated\n");
  f.run(3000);
  EXPECT_EQ("", f.news());
  take_over();
  EXPECT_FALSE(f.source->held_back());
  EXPECT_EQ("missed waited rotated", f.news());
  EXPECT_EQ(LedgerCounts(), f.source->take_losses());
}

TEST_F(FileSourceForeign, WhenTheAgentIsForgottenTheStartChoiceIsOfTheFirstLook) {
  f.start = Start::kEnd;
  read_as_old();
  f.up();
  EXPECT_TRUE(f.source->held_back());
  append("waited\n");
  f.foreign = nullptr;
  f.restore();
  EXPECT_FALSE(f.source->held_back());
  f.commit();
  f.source->begin();
  f.look();
  EXPECT_EQ("waited", f.news());
}

TEST_F(FileSourceForeign, AnInputWithPositionsOfItsOwnIsNotHeldBack) {
  read_as_old();
  f.store = old_store;
  f.input_known = true;
  append("next\n");
  f.up();
  EXPECT_FALSE(f.source->held_back());
  EXPECT_EQ("next", f.news());
}

TEST_F(FileSourceForeign, OtherFilesOfADeadAgentDoNotMatter) {
  read_as_old();
  f.disk.remove(kLog);
  append(numbered("other", 0, 20));
  f.up();
  EXPECT_FALSE(f.source->held_back());
  EXPECT_EQ(20u, f.lines.size() - f.committed_lines);
}

TEST_F(FileSourceForeign, EqualFirstBytesAloneProveNothing) {
  const std::string header = std::string(2000, '#') + "\n";
  append(header + numbered("theirs", 0, 5));
  f.up();
  restart();
  old_store = f.store;
  become_new();
  f.disk.remove(kLog);
  append(header + numbered("ours", 0, 50));
  f.up();
  EXPECT_FALSE(f.source->held_back());
}

// Two machines write the same header, and nothing else yet.
TEST_F(FileSourceForeign, AnotherFileWithNothingButTheSameHeaderIsNotForeign) {
  const std::string header = std::string(200, '#') + "\n";
  append(header);
  f.up();
  restart();
  old_store = f.store;
  become_new();
  f.disk.remove(kLog);
  append(header);
  f.up();
  EXPECT_FALSE(f.source->held_back());
}

TEST_F(FileSourceForeign, ACopyOfTheFileOnAnotherDiskIsForeign) {
  read_as_old();
  for (auto& [stream, position] : old_store) {
    position.inode += 1000;
    position.device += 1;
    position.birth_ns += 1;
  }
  become_new();
  f.up();
  EXPECT_TRUE(f.source->held_back());
}

TEST_F(FileSourceForeign, AShortFileIsForeignWhenItsInodeAgrees) {
  read_as_old(2);
  f.up();
  EXPECT_TRUE(f.source->held_back());
}

TEST_F(FileSourceForeign, HeadsBelow64BytesProveNothing) {
  append("short\n");
  f.up();
  restart();
  old_store = f.store;
  become_new();
  f.up();
  EXPECT_FALSE(f.source->held_back());
}

TEST_F(FileSourceForeign, ALogThatWasRotatedMeanwhileIsForeignToo) {
  read_as_old();
  append("missed\n");
  rotate();
  append("new\n");
  f.up();
  EXPECT_TRUE(f.source->held_back());
  f.run(2000);
  f.disk.remove("/log/access.log.1");  // it is held open, or its last line would be gone
  f.run(2000);
  take_over();
  EXPECT_EQ("missed new", f.news());
}

TEST_F(FileSourceForeign, PositionsKnownBeforeTheFirstLookFindIt) {
  read_as_old();
  rotate();
  f.source = std::make_unique<FileSource>(f.settings, f.start, f.disk, f.watcher, f.log, f.options);
  f.restore();
  EXPECT_TRUE(f.source->held_back());
}

TEST_F(FileSourceForeign, OfSeveralAgentsTheLastIsNamed) {
  read_as_old();
  std::vector<ForeignPosition> positions = *f.foreign;
  positions.insert(positions.begin(), {"newer", positions.front().position});
  f.foreign = std::make_shared<const std::vector<ForeignPosition>>(std::move(positions));
  f.up();
  EXPECT_EQ("read by agent 'newer'", f.state_of(kLog));
}

}  // namespace
}  // namespace lastseen
