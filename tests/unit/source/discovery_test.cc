// What one look finds while others rename, and when a call fails.
#include "source/discovery.h"

#include <gtest/gtest.h>

#include <set>

#include "fakes/fake_file_system.h"

namespace lastseen {
namespace {

using Call = FakeFileSystem::Call;

struct DiscoveryTest : testing::Test {
  FakeFileSystem disk;
  Listings listings{disk, "/log/*.log"};

  DiscoveryTest() {
    disk.make_directory("/log");
    disk.append("/log/access.log", "new\n");
    disk.append("/log/access.log.1", "old\n");
  }
  void rotate() {
    disk.rename("/log/access.log.1", "/log/access.log.2");
    disk.rename("/log/access.log", "/log/access.log.1");
    disk.create("/log/access.log");
  }
  std::set<uint64_t> listed() {
    std::set<uint64_t> inodes;
    for (const FoundFile& file : listings.of("/log").files) inodes.insert(file.stat.inode);
    return inodes;
  }
};

TEST_F(DiscoveryTest, AFileThatIsRotatedWhileItsDirectoryIsListedIsFound) {
  for (int before = 1; before <= 3; ++before) {
    const uint64_t old = disk.inode("/log/access.log.1");
    const uint64_t young = disk.inode("/log/access.log");
    int stats = 0;
    disk.fault = [&](Call call, const std::string&) {
      if (call == Call::kStat && ++stats == before) rotate();
      return Status::ok();
    };
    const std::set<uint64_t> found = listed();
    EXPECT_TRUE(found.count(old)) << "rotated before question " << before;
    EXPECT_TRUE(found.count(young)) << "rotated before question " << before;
    listings.clear();
  }
}

TEST_F(DiscoveryTest, ALinkThatLeadsNowhereDoesNotMakeAListingIncomplete) {
  disk.symlink("/log/gone", "/log/access.log.3");
  EXPECT_TRUE(listings.of("/log").complete);
  EXPECT_EQ(2u, listings.of("/log").files.size());
}

TEST_F(DiscoveryTest, ADirectoryThatNeverRestsIsIncomplete) {
  int lists = 0;
  disk.fault = [&](Call call, const std::string&) {
    if (call == Call::kList) disk.create("/log/" + std::to_string(++lists));
    return Status::ok();
  };
  EXPECT_FALSE(listings.of("/log").complete);
  EXPECT_TRUE(listings.of("/log").status);
}

TEST_F(DiscoveryTest, APatternThatCouldNotBeLookedForMayHideFiles) {
  disk.fault = [](Call call, const std::string& path) {
    if (call != Call::kGlob) return Status::ok();
    return Status::retry("cannot list " + path + ": Too many open files");
  };
  const Discovered discovered = discover(disk, "/log/*.log");
  ASSERT_EQ(1u, discovered.troubles.size());
  EXPECT_TRUE(discovered.troubles[0].hides_file);
  EXPECT_EQ("unreadable: Too many open files", discovered.troubles[0].state);
}

TEST(LogFamily, ALogMayEndInANumberOfItsOwn) {
  struct Case {
    const char* pattern;
    const char* path;
    const char* family;
  };
  for (const auto& [pattern, path, family] : {
           Case{"/log/worker-1.log", "/log/worker-1.log", "/log/worker-1.log"},
           Case{"/log/worker-1.log", "/log/worker-1.log.2.gz", "/log/worker-1.log"},
           Case{"/log/worker-1.log", "/log/worker-1-20261122.log", "/log/worker-1.log"},
           Case{"/log/worker-1.log", "/log/worker-2.log.1", "/log/worker.log"},
           Case{"/log/worker-*.log", "/log/worker-1.log.gz", "/log/worker-1.log"},
           Case{"/log/*.log", "/log/worker-1.log", "/log/worker-1.log"},
           Case{"/log/*.log", "/log/access_2.log.1", "/log/access_2.log"},
           Case{"/log/*.log", "/log/site.8080.log", "/log/site.8080.log"},
           Case{"/log/access-*.log", "/log/access-20261122.log.gz", "/log/access.log"},
           // What rotation makes of access.log may lie under the same pattern.
           Case{"/log/*.log", "/log/access.1.log", "/log/access.log"},
           Case{"/log/*.log", "/log/access-20261122.log", "/log/access.log"},
           Case{"/log/access.log*", "/log/access.log.1", "/log/access.log"},
           Case{"/log/access.log", "/log/access.log-20261122.gz", "/log/access.log"},
           Case{"/log/*.log", "/log/access.0.log", "/log/access.log"},
           Case{"/log/*.log", "/log/access-2026-11-22.log", "/log/access.log"},
           // Also of a log that ends in a number.
           Case{"/log/*.log", "/log/worker-1.2.log.gz", "/log/worker-1.log"},
           Case{"/log/*.log", "/log/worker-1-20261122.log", "/log/worker-1.log"},
           Case{"/log/*.log", "/log/worker-1-2026-11-22.log", "/log/worker-1.log"},
           Case{"/log/*.log", "/log/site.8080.1.log", "/log/site.8080.log"},
           Case{"/log/*.log", "/log/app_01.log-20261122", "/log/app_01.log"},
           // A name of which nothing else would be left is the log's own.
           Case{"/log/*.log", "/log/-1.log", "/log/-1.log"},
           Case{"/log/*.log", "/log/-1-20261122.log", "/log/-1.log"},
           Case{"/log/*.log", "/log/_01.2.log.gz", "/log/_01.log"},
           // Caddy since 2.11; logrotate's dateformat.
           Case{"/log/*.log", "/log/access-2026-11-22T10-00-00.000-size.log.gz", "/log/access.log"},
           Case{"/log/*.log", "/log/worker-1-2026-11-22T10-00-00.000-time.log",
                "/log/worker-1.log"},
           Case{"/log/access.log", "/log/access.log-20261122-100000Z", "/log/access.log"},
           Case{"/log/*.log", "/log/access-2026-W48.log", "/log/access.log"},
           Case{"/log/*.log", "/log/access.log.2026w48", "/log/access.log"},
           Case{"/log/*.log", "/log/api-w2.log", "/log/api-w2.log"},
           Case{"/log/*.log", "/log/upload-size.log", "/log/upload-size.log"},
           // What of app.log or of app.1.log, nobody knows.
           Case{"/log/*.log", "/log/app.1.log.1", "/log/app.log"},
           Case{"/log/*.log", "/log/app.1.1.log", "/log/app.log"},
           Case{"/log/*.log", "/log/access-2026-11-22.log.1", "/log/access.log"},
           Case{"/log/*.log", "/log/node-10.20.30.40.log", "/log/node-10.log"},
           Case{"/log/*.log", "/log/node-10.20.30.40.log.1.gz", "/log/node-10.log"},
           Case{"/links/current", "/log/access-20261122.log", "/log/access.log"},
           Case{"/links/current", "/log/worker-1.log", "/log/worker.log"},
           Case{"/links/current", "/log/worker-1.log.1.gz", "/log/worker.log"},
       })
    EXPECT_EQ(family, log_family(pattern, path)) << pattern << " " << path;
}

}  // namespace
}  // namespace lastseen
