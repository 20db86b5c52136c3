// Logs that are named by symbolic links to them.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

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

TEST_F(FileSourceLink, ALogThatWasRotatedBeforeItsLinkWasSwappedWhileDownIsRead) {
  f.disk.append(real, "b\n");
  rotate_real();
  f.disk.append(real, "c\n");
  rotate_real();
  f.disk.append(real, "d\n");
  f.disk.append("/data/next.log", "e\n");
  f.disk.symlink("/data/next.log", kLog);
  f.pass(5000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.news(), testing::StartsWith("b c d"));
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "b", "c", "d", "e"));
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

// As the kubelet keeps them: a link for each container, to a log that has a new name after a
// restart.
TEST_F(FileSourceLink, WhatWasRotatedBehindOneOfManyLinksBeforeItWasSwappedIsRead) {
  f.settings.path = "/links/*.log";
  f.disk.make_directory("/links");
  for (const std::string pod : {"a", "b"}) {
    f.disk.make_directory("/pods/" + pod);
    f.disk.append("/pods/" + pod + "/0.log", pod + "0\n");
    f.disk.symlink("/pods/" + pod + "/0.log", "/links/" + pod + ".log");
  }
  f.up();
  f.run(5000);
  restart();
  f.disk.append("/pods/a/0.log", "a1\n");
  f.disk.rename("/pods/a/0.log", "/pods/a/0.log.20261130-101500");
  f.pass(1000);
  f.disk.append("/pods/a/0.log", "a2\n");
  f.disk.rename("/pods/a/0.log", "/pods/a/0.log.20261130-102500");
  compress("/pods/a/0.log.20261130-102500");
  f.pass(1000);
  f.disk.append("/pods/a/0.log", "a3\n");
  f.pass(1000);
  f.disk.append("/pods/a/1.log", "a4\n");
  f.disk.symlink("/pods/a/1.log", "/links/a.log");
  f.pass(1000);
  f.up();
  f.run(5000);
  EXPECT_THAT(f.lines, testing::UnorderedElementsAre("a", "a0", "b0", "a1", "a2", "a3", "a4"));
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

}  // namespace
}  // namespace lastseen
