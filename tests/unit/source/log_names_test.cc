// By which names logs are known that lie behind symbolic links.
#include "source/log_names.h"

#include <gtest/gtest.h>

#include "fakes/fake_file_system.h"

namespace lastseen {
namespace {

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
  EXPECT_EQ("/links/current/a-1.log",
            look("/links/current/a-1.log").former_name_of("/data/0/a-1.log.1"));
  EXPECT_EQ("/links/current/a-1.log",
            look("/links/current/a-1.log").former_name_of("/data/0/a-1.log"));
  EXPECT_EQ("", look("/links/*/a.log").former_name_of("/data/0/a.log"));  // of which link?
}

}  // namespace
}  // namespace lastseen
