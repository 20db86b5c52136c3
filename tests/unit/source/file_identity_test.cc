#include "source/file_identity.h"

#include <gtest/gtest.h>

#include "source/discovery.h"

namespace lastseen {
namespace {

// Stored by every agent in the field: these values must never change.
TEST(FileIdentity, TheHashIsStableAcrossVersions) {
  EXPECT_EQ(0xcbf29ce484222325u, fnv1a(""));
  EXPECT_EQ(0xaf63dc4c8601ec8cu, fnv1a("a"));
  EXPECT_EQ(0x85944171f73967e8u, fnv1a("foobar"));
}

TEST(FileIdentity, TheHashContinues) {
  EXPECT_EQ(fnv1a("foobar"), fnv1a("bar", fnv1a("foo")));
}

TEST(FileIdentity, AHeadAgreesWithWhatBeginsLikeIt) {
  Head head = Head::of("0123");
  EXPECT_TRUE(head.agrees_with("0123"));
  EXPECT_TRUE(head.agrees_with("01234"));
  EXPECT_FALSE(head.agrees_with("012"));
  EXPECT_FALSE(head.agrees_with("0124"));
  EXPECT_TRUE(Head().agrees_with("anything"));
}

TEST(FileIdentity, ATailKeepsTheLastBytesHoweverTheyCome) {
  std::string all;
  for (int i = 0; i < 300; ++i) all += static_cast<char>('a' + i % 26);
  for (size_t step : {1u, 7u, 63u, 64u, 65u, 300u}) {
    Tail tail;
    for (size_t at = 0; at < all.size(); at += step) {
      tail.append(std::string_view(all).substr(at, step));
      std::string_view before = std::string_view(all).substr(0, std::min(at + step, all.size()));
      before.remove_prefix(before.size() - std::min(before.size(), kTailBytesMax));
      ASSERT_TRUE(tail.agrees_with(before)) << step << " " << at;
      ASSERT_EQ(fnv1a(before), tail.hash());
    }
  }
}

TEST(FileIdentity, AStoredTailIsKnownByItsHash) {
  Tail stored(3, fnv1a("abc"));
  EXPECT_TRUE(stored.agrees_with("abc"));
  EXPECT_FALSE(stored.agrees_with("abd"));
  EXPECT_FALSE(stored.agrees_with("ab"));
}

struct InodeCase {
  const char* name;
  uint64_t inode, device;
  int64_t birth_ns;
  uint64_t generation;
  InodeMatch expected;
};

TEST(FileIdentity, TheDecisionTable) {
  Position stored;
  stored.inode = 5;
  stored.device = 1;
  stored.birth_ns = 100;
  stored.generation = 9;
  const InodeCase cases[] = {
      {"same", 5, 1, 100, 9, InodeMatch::kSame},
      {"birth unknown", 5, 1, 0, 9, InodeMatch::kSame},
      {"generation unknown", 5, 1, 100, 0, InodeMatch::kSame},
      {"both unknown", 5, 1, 0, 0, InodeMatch::kSame},
      {"born apart", 5, 1, 101, 9, InodeMatch::kReused},
      {"other generation", 5, 1, 100, 8, InodeMatch::kReused},
      {"other generation, birth unknown", 5, 1, 0, 8, InodeMatch::kReused},
      {"other device", 5, 2, 100, 9, InodeMatch::kOtherDevice},
      {"other device, born apart", 5, 2, 101, 9, InodeMatch::kOther},
      {"other inode", 6, 1, 100, 9, InodeMatch::kOther},
  };
  for (const InodeCase& c : cases) {
    FileStat stat;
    stat.inode = c.inode;
    stat.device = c.device;
    stat.birth_ns = c.birth_ns;
    stat.generation = c.generation;
    EXPECT_EQ(c.expected, compare_inode(stored, stat)) << c.name;
  }
}

TEST(Discovery, RotatedNames) {
  const std::string home = "/log/access.log";
  for (const char* name : {"/log/access.log.1", "/log/access.log.12", "/log/access.log-20261122",
                           "/log/access.log.2026-11-22", "/log/access-20261122.log",
                           "/log/access.1.log", "/log/access.log-20261122-1732270000"})
    EXPECT_TRUE(is_rotated_name(home, name)) << name;
  for (const char* name :
       {"/log/access.log", "/log/access.log.1.gz", "/log/access.log.bak", "/log/access.log.",
        "/log/access.log.-", "/log/error.log.1", "/other/access.log.1", "/log/access.log1",
        "/log/access.json.log", "/log/access.log~"})
    EXPECT_FALSE(is_rotated_name(home, name)) << name;
}

TEST(Discovery, RotatedNamesAreOrderedByNumberOrDate) {
  const auto order = [](const char* a, const char* b) {
    const int compared = compare_rotations("/l/a.log", a, b);
    return compared > 0 ? '>' : compared < 0 ? '<' : '?';
  };
  EXPECT_EQ('>', order("/l/a.log.1", "/l/a.log.2"));
  EXPECT_EQ('<', order("/l/a.log.10", "/l/a.log.9.gz"));
  EXPECT_EQ('>', order("/l/a.1.log.gz", "/l/a.2.log.gz"));
  EXPECT_EQ('>', order("/l/a.log-20261201", "/l/a.log-20261130.gz"));
  EXPECT_EQ('<', order("/l/a-2026-11-30.log", "/l/a-2026-12-01.log"));
  EXPECT_EQ('?', order("/l/a.log-01122026", "/l/a.log-30112026"));  // the day first
  EXPECT_EQ('?', order("/l/a.log.1", "/l/a.log-20261130"));
  EXPECT_EQ('?', order("/l/a.log.1", "/l/a.log"));
  EXPECT_EQ('?', order("/l/b.log.1", "/l/b.log.2"));
  EXPECT_EQ('?', order("", "/l/a.log.2"));
}

TEST(Discovery, Paths) {
  EXPECT_EQ("/var/log", directory_of("/var/log/x"));
  EXPECT_EQ("/", directory_of("/x"));
  EXPECT_EQ(".", directory_of("x"));
  EXPECT_EQ("x", name_in_directory("/var/x"));
  EXPECT_EQ("x", name_in_directory("x"));
  EXPECT_EQ("Permission denied", reason_in("cannot open /x: Permission denied", "/x"));
  EXPECT_EQ("odd", reason_in("odd", "/x"));
}

}  // namespace
}  // namespace lastseen
