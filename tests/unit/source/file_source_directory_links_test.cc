// Logs in directories that symbolic links lead to, and may be made to lead elsewhere.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

struct FileSourceDirectoryLink : FileSourceTest {
  const std::string link = "/links/current";
  const std::string first = "/data/1/web.log";
  const std::string second = "/data/2/web.log";

  explicit FileSourceDirectoryLink(const std::string& glob = "/links/current/*.log") {
    for (const char* directory : {"/links", "/data", "/data/1", "/data/2"})
      f.disk.make_directory(directory);
    f.disk.symlink("/data/1", link);
    f.disk.append(first, "a\n");
    up_with(glob);
    f.run(2000);
    EXPECT_EQ("a", f.news());
  }
  void swap() { f.disk.symlink("/data/2", link); }
  void rotate_at(const std::string& log) {
    f.disk.rename(log, log + ".1");
    f.disk.create(log);
  }
  // A line, a rotation, another line.
  void write_around_rotation(const std::string& log, const char* before, const char* after) {
    f.disk.append(log, before);
    rotate_at(log);
    f.disk.append(log, after);
  }
  void up_later() {
    f.pass(5000);
    f.up();
  }
};

TEST_F(FileSourceDirectoryLink, ASwapHidesNothingOfWhatIsWrittenToTheOldLog) {
  swap();
  f.disk.append(second, "c\n");
  f.disk.append(first, "b\n");
  f.run(2000);
  EXPECT_THAT(f.news(), testing::AnyOf("b c"));
  f.disk.append(first, "d\n");
  f.run(2000);
  EXPECT_EQ("d", f.news());
}

TEST_F(FileSourceDirectoryLink, ASwapWhileDownLosesNothingAndASwapBackDoublesNothing) {
  restart();
  f.disk.append(first, "b\n");
  swap();
  f.disk.append(second, "c\n");
  up_later();
  EXPECT_EQ("b c", f.news());
  restart();
  f.disk.symlink("/data/1", link);
  f.disk.append(first, "d\n");
  up_later();
  EXPECT_EQ("d", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatWasRotatedInBothDirectoriesWhileDownIsRead) {
  restart();
  write_around_rotation(first, "b\n", "c\n");
  swap();
  write_around_rotation(second, "d\n", "e\n");
  up_later();
  EXPECT_EQ("b c d e", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatCameBetweenTwoLooksBeforeASwapIsRead) {
  write_around_rotation(first, "b\n", "c\n");
  swap();
  f.disk.append(second, "d\n");
  f.run(2000);
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatComesLaterWhereTheLinkHasLedIsNotOurs) {
  swap();
  f.disk.append(second, "b\n");
  f.run(2000);
  rotate_at(first);
  f.disk.append(first, "not ours\n");
  f.run(2000);
  rename(first + ".1", first + ".2");
  rename(first, first + ".1");
  f.run(2000);
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceDirectoryLink, ACopyThatWasMadeBeforeASwapIsReadFromWhereTheLogWasLeft) {
  restart();
  f.disk.append(first, "b\n");
  f.disk.copy(first, first + ".1");
  f.disk.truncate(first);
  f.disk.append(first, "c\n");
  swap();
  f.disk.append(second, "d\n");
  up_later();
  EXPECT_THAT(f.news(), testing::AnyOf("b c d", "b d c"));
}

TEST_F(FileSourceDirectoryLink, ADirectoryThatWasRemovedAfterASwapIsNotWaitedFor) {
  restart();
  swap();
  f.disk.append(second, "b\n");
  f.disk.remove(first);
  f.disk.hide_directory("/data/1");
  up_later();
  EXPECT_EQ("b", f.news());
  f.run(5000);
  EXPECT_TRUE(f.source->drained());
}

TEST_F(FileSourceDirectoryLink, AReloadThatNamesTheDirectoryItselfGoesOnAndSoDoesOneBack) {
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.run(2000);
  for (const char* glob : {"/data/1/*.log", "/links/current/*.log", "/data/*/web.log"}) {
    f.settings.path = glob;
    f.source->change(f.settings, f.start, 20, f.now);
    f.run(2000);
  }
  EXPECT_EQ("b", f.news());
  f.disk.append(first + ".1", "c\n");
  f.disk.append(first, "d\n");
  f.run(2000);
  EXPECT_EQ("c d", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatWasRotatedWhereTheLinkLeadsIsReadThoughTheOldDirectoryIsGone) {
  restart();
  swap();
  write_around_rotation(second, "b\n", "c\n");
  f.disk.remove(first);
  f.disk.hide_directory("/data/1");
  up_later();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceDirectoryLink, ALinkThatWasReplacedByItsDirectoryLosesNothing) {
  restart();
  f.disk.append(first, "b\n");
  f.disk.remove(link);
  f.disk.make_directory(link);
  const std::string log = link + "/web.log";
  rename(first, log);
  f.disk.hide_directory("/data/1");
  rotate_at(log);
  f.disk.append(log, "c\n");
  compress(log + ".1");
  rename(log + ".1.gz", log + ".2.gz");
  rotate_at(log);
  f.disk.append(log, "d\n");
  up_later();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceDirectoryLink, ALinkThatIsAbsentForALookHidesNothingOfWhatItLedTo) {
  write_around_rotation(first, "b\n", "c\n");
  f.disk.remove(link);
  f.run(2000);
  swap();
  f.disk.append(second, "d\n");
  f.run(2000);
  EXPECT_THAT(f.news(), testing::AnyOf("b c d", "b d c"));
}

TEST_F(FileSourceDirectoryLink, ALinkThatIsAbsentAtTheStartHidesNothingOfWhatItLedTo) {
  restart();
  write_around_rotation(first, "b\n", "c\n");
  f.disk.remove(link);
  up_later();
  f.run(2000);
  swap();
  f.disk.append(second, "d\n");
  f.run(2000);
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceDirectoryLink, ALogThatIsOlderThanTheLinkAndRotatedAtOnceIsRead) {
  f.disk.append(second, "b\n");
  f.pass(5000);
  f.run(2000);
  swap();
  write_around_rotation(second, "c\n", "d\n");
  f.run(2000);
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceDirectoryLink, AReloadToAnotherNameKeepsWhatTheLinkLedToBefore) {
  swap();
  f.disk.append(second, "b\n");
  f.run(2000);
  f.disk.symlink("/data/2", "/links/also");
  f.settings.path = "/links/also/*.log";
  f.source->change(f.settings, f.start, 20, f.now);
  f.run(2000);
  f.disk.symlink("/data/1", "/links/also");
  f.disk.append(first, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceDirectoryLink, DoubledSlashesMakeNoOtherName) {
  f.settings.path = "/links//current//*.log";
  f.source->change(f.settings, f.start, 20, f.now);
  for (const char* line : {"b\n", "c\n", "d\n"}) {
    f.disk.append(first, line);
    if (f.disk.exists(first + ".1")) rename(first + ".1", first + ".2");
    rotate_at(first);
  }
  f.run(2000);
  EXPECT_EQ("b c d", f.news());
  f.commit();
  f.crash();
  f.disk.append(first, "e\n");
  f.up();
  EXPECT_EQ("e", f.news());
}

// Before the store knows a log nothing leads to it once a link leads elsewhere.
TEST_F(FileSourceDirectoryLink, ANewLogIsToBeStoredThoughItIsEmpty) {
  f.commit();
  EXPECT_FALSE(f.source->has_unstored());
  swap();
  f.disk.create(second);
  f.run(2000);
  EXPECT_TRUE(f.source->has_unstored());
  f.commit();
  EXPECT_FALSE(f.source->has_unstored());
}

// The chain that leads to it is stored, though what the link led to before is still waited for.
TEST_F(FileSourceDirectoryLink, WhereALinkLedIsKnownThoughTheDirectoryBeforeItCouldNotBeListed) {
  restart();
  swap();
  write_around_rotation(second, "b\n", "c\n");
  f.disk.remove(first);
  f.pass(5000);
  fail(Call::kList, "/data/1");
  f.up();
  f.run(20'000);
  EXPECT_EQ("c", f.news());
  restart();
  f.disk.fault = nullptr;
  f.disk.make_directory("/data/3");
  f.disk.symlink("/data/3", link);
  f.disk.append("/data/3/web.log", "d\n");
  up_later();
  f.run(2000);
  EXPECT_EQ("b d", f.news());
}

struct FileSourceTwoLinks : FileSourceDirectoryLink {
  FileSourceTwoLinks() : FileSourceDirectoryLink("/links/*/*.log") {
    f.disk.symlink("/data/1", "/links/also");
    f.run(2000);
  }
};

TEST_F(FileSourceTwoLinks, WhatTwoLinksLeadToIsReadOnceAndOnWhenOneIsGone) {
  EXPECT_EQ(1, f.disk.open_files());
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.run(2000);
  restart();
  rotate_at(first);
  f.disk.append(first + ".1", "c\n");
  f.disk.append(first, "d\n");
  f.disk.remove("/links/also");
  up_later();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceTwoLinks, WhatWasRotatedBehindOneOfThemBeforeItWasSwappedWhileDownIsRead) {
  f.disk.make_directory("/data/3");
  f.disk.symlink("/data/3", "/links/also");
  f.disk.append("/data/3/web.log", "of another site\n");
  f.run(2000);
  EXPECT_EQ("of another site", f.news());
  restart();
  write_around_rotation(first, "b\n", "c\n");
  f.disk.rename(first, first + ".2");
  swap();
  f.disk.append(second, "d\n");
  up_later();
  f.run(2000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "of another site", "b", "c", "d"));
}

TEST_F(FileSourceTwoLinks, ALinkThatIsRemovedWhileWeLookLeavesTheLogToTheOther) {
  f.disk.remove("/links/also");
  f.run(2000);
  write_around_rotation(first, "b\n", "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

}  // namespace
}  // namespace lastseen
