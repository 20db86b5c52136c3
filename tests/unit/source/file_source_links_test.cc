// Logs that are named by symbolic links: to them, or to their directory.
#include "source/log_names.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

// --- Names -------------------------------------------------------------------------------------

struct LogNamesTest : testing::Test {
  FakeFileSystem disk;
  LogNames look(const std::string& pattern) {
    LogNames names(pattern);
    names.note(discover(disk, pattern), true);
    return names;
  }
  LogNamesTest() {
    for (const char* directory : {"/log", "/data", "/data/1", "/links"})
      disk.make_directory(directory);
    disk.symlink("/data/1", "/links/current");
    disk.append("/data/1/a.log", "a\n");
    disk.append("/data/b.log", "b\n");
  }
};

TEST_F(LogNamesTest, ALogBehindALinkedDirectoryHasItsRealPathAndTheNameOfTheGlob) {
  for (const char* pattern : {"/links/current/*.log", "/links/*/a.log", "/links/current/a.log"}) {
    const LogNames names = look(pattern);
    EXPECT_EQ("/links/current/a.log", names.name_of("/data/1/a.log")) << pattern;
    EXPECT_EQ("/data/1/a.log", names.path_of("/links/current/a.log")) << pattern;
    EXPECT_TRUE(names.leads_to("/links/current/a.log", "/data/1/a.log")) << pattern;
    EXPECT_EQ("", names.name_of("/data/b.log")) << pattern;
    EXPECT_EQ("", names.name_of("/data/1/a.log.1")) << pattern;
  }
}

TEST_F(LogNamesTest, ADirectoryLeadsOnWhenThereIsNoLogInIt) {
  disk.remove("/data/1/a.log");
  EXPECT_EQ("/links/current/a.log", look("/links/*/a.log").name_of("/data/1/a.log"));
}

TEST_F(LogNamesTest, ALinkToALogInALinkedDirectoryLeadsAllTheWay) {
  disk.symlink("/data/b.log", "/data/1/b.log");
  const LogNames names = look("/links/current/*.log");
  EXPECT_EQ("/data/b.log", names.path_of("/links/current/b.log"));
  EXPECT_EQ("/links/current/b.log", names.name_of("/data/b.log"));
}

TEST_F(LogNamesTest, APathThatTheGlobMatchesIsItsOwnName) {
  disk.symlink("/data/1/a.log", "/data/1/latest.log");
  EXPECT_EQ("/data/1/a.log", look("/data/1/*.log").name_of("/data/1/a.log"));
}

TEST_F(LogNamesTest, WhatALinkLedToBeforeHasItsNameIfTheGlobTellsIt) {
  EXPECT_EQ("/links/current/a.log", look("/links/current/*.log").former_name_of("/data/0/a.log.1"));
  EXPECT_EQ("/links/current/a.log", look("/links/current/a.log").former_name_of("/old/a.log"));
  EXPECT_EQ("", look("/links/current/a.log").former_name_of("/old/x.log"));
  EXPECT_EQ("", look("/links/*/a.log").former_name_of("/data/0/a.log"));  // of which link?
}

// --- Links to logs -----------------------------------------------------------------------------

TEST_F(FileSourceTest, ASwappedSymlinkIsANewFileAndTheOldOneIsReadOn) {
  f.disk.make_directory("/data");
  f.disk.append("/data/1", "a\n");
  f.disk.symlink("/data/1", kLog);
  f.up();
  f.disk.append("/data/2", "c\n");
  f.disk.append("/data/1", "b\n");
  f.disk.symlink("/data/2", kLog);
  f.run(2000);
  EXPECT_THAT(f.news(), testing::AnyOf("a b c"));
  f.disk.symlink("/data/1", kLog);
  f.disk.append("/data/1", "d\n");
  f.run(2000);
  EXPECT_EQ("d", f.news());
}

struct FileSourceLink : FileSourceTest {
  const std::string real = "/data/web.log";
  FileSourceLink() {
    f.disk.make_directory("/data");
    f.disk.append(real, "a\n");
    f.disk.symlink(real, kLog);
    f.up();
    f.run(2000);
    EXPECT_EQ("a", f.news());
    restart();
  }
  void rotate_real() {
    if (f.disk.exists(real + ".1")) f.disk.rename(real + ".1", real + ".2");
    f.disk.rename(real, real + ".1");
    f.disk.create(real);
  }
};

TEST_F(FileSourceLink, WhatWasRotatedTwiceBehindALinkWhileDownIsReadOldestFirst) {
  f.disk.append(real, "b\n");
  rotate_real();
  f.disk.append(real, "c\n");
  rotate_real();
  f.disk.append(real, "d\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceLink, ALinkThatWasSwappedWhileDownHidesNothingOfWhatItLedTo) {
  f.disk.append(real, "b\n");
  f.disk.make_directory("/data/today");
  f.disk.append("/data/today/web.log", "c\n");
  f.disk.symlink("/data/today/web.log", kLog);
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c", f.news());
  f.run(10'000'000);
  EXPECT_EQ(1, f.disk.open_files());
}

TEST_F(FileSourceLink, ACopyBehindALinkIsReadFromWhereTheLogWasLeft) {
  f.disk.append(real, "b\n");
  f.disk.copy(real, real + ".1");
  f.disk.truncate(real);
  f.disk.append(real, "c\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceLink, AReloadThatNamesTheLogItselfGoesOn) {
  f.up();
  f.settings.path = real;
  f.source->change(f.settings, f.start, 20, f.now);
  f.disk.append(real, "b\n");
  f.run(2000);
  rotate_real();
  f.disk.append(real, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceLink, AReloadThatNamesALinkToTheLogGoesOn) {
  f.settings.path = real;
  f.up();
  f.settings.path = kLog;
  f.source->change(f.settings, f.start, 20, f.now);
  f.disk.append(real, "b\n");
  f.run(2000);
  rotate_real();
  f.disk.append(real, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

// --- Links to directories ----------------------------------------------------------------------

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
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c", f.news());
  restart();
  f.disk.symlink("/data/1", link);
  f.disk.append(first, "d\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("d", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatWasRotatedInBothDirectoriesWhileDownIsRead) {
  restart();
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.disk.append(first, "c\n");
  swap();
  f.disk.append(second, "d\n");
  rotate_at(second);
  f.disk.append(second, "e\n");
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c d e", f.news());
}

TEST_F(FileSourceDirectoryLink, WhatCameBetweenTwoLooksBeforeASwapIsRead) {
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.disk.append(first, "c\n");
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
  f.pass(5000);
  f.up();
  EXPECT_THAT(f.news(), testing::AnyOf("b c d", "b d c"));
}

TEST_F(FileSourceDirectoryLink, ADirectoryThatWasRemovedAfterASwapIsNotWaitedFor) {
  restart();
  swap();
  f.disk.append(second, "b\n");
  f.disk.remove(first);
  f.disk.hide_directory("/data/1");
  f.pass(5000);
  f.up();
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
  f.disk.append(second, "b\n");
  rotate_at(second);
  f.disk.append(second, "c\n");
  f.disk.remove(first);
  f.disk.hide_directory("/data/1");
  f.pass(5000);
  f.up();
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
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceDirectoryLink, ALinkThatIsAbsentForALookHidesNothingOfWhatItLedTo) {
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.disk.append(first, "c\n");
  f.disk.remove(link);
  f.run(2000);
  swap();
  f.disk.append(second, "d\n");
  f.run(2000);
  EXPECT_THAT(f.news(), testing::AnyOf("b c d", "b d c"));
}

TEST_F(FileSourceDirectoryLink, ALinkThatIsAbsentAtTheStartHidesNothingOfWhatItLedTo) {
  restart();
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.disk.append(first, "c\n");
  f.disk.remove(link);
  f.pass(5000);
  f.up();
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
  f.disk.append(second, "c\n");
  rotate_at(second);
  f.disk.append(second, "d\n");
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
  f.disk.append(second, "b\n");
  rotate_at(second);
  f.disk.append(second, "c\n");
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
  f.pass(5000);
  f.up();
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
  f.pass(5000);
  f.up();
  EXPECT_EQ("b c d", f.news());
}

TEST_F(FileSourceTwoLinks, ALinkThatIsRemovedWhileWeLookLeavesTheLogToTheOther) {
  f.disk.remove("/links/also");
  f.run(2000);
  f.disk.append(first, "b\n");
  rotate_at(first);
  f.disk.append(first, "c\n");
  f.run(2000);
  EXPECT_EQ("b c", f.news());
}

}  // namespace
}  // namespace lastseen
