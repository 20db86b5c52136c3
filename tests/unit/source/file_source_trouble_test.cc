// While calls of the disk fail nothing is known: nothing is taken for what it may not be, so that
// nothing is read twice, and nothing missed.
#include <climits>

#include "fakes/gzip_bytes.h"
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr const char* kRotated = "/log/access.log.1";
constexpr const char* kPacked = "/log/access.log.1.gz";

struct FileSourceTrouble : FileSourceTest {
  void compress(const std::string& path) { f.disk.compress(path, gzip_bytes(f.disk.bytes(path))); }
  void fail(Call call, const std::string& path, int times = INT_MAX) {
    f.disk.fault = [=](Call called, const std::string& of) mutable {
      if (called != call || of != path || times-- <= 0) return Status::ok();
      return Status::retry("cannot read " + of + ": Input/output error");
    };
  }
  // The rest of Follower::up() after launch().
  void go_on() {
    f.restore();
    f.commit();
    f.source->begin();
    f.look();
  }
  void heal() {
    f.disk.fault = nullptr;
    f.run(3000);
  }
};

TEST_F(FileSourceTrouble, ACopyOfALogThatCannotBeAskedIsNoNewFile) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.copy(kLog, kRotated);
  compress(kRotated);
  f.disk.truncate(kLog);
  append("c\n");
  f.launch();
  fail(Call::kFstat, kLog, 2);  // when it is looked at, before and after its position is known
  go_on();
  heal();
  EXPECT_EQ("a b c", f.news());
}

TEST_F(FileSourceTrouble, AfterTheStoreWentBackACopyThatCannotBeReadNowIsWaitedFor) {
  append("a\n");
  f.up();
  f.commit();
  const auto before = f.store;
  append("b\n");
  f.disk.copy(kLog, kRotated);
  f.disk.truncate(kLog);
  append("c\n");
  f.run(3000);
  EXPECT_EQ("a b c", f.news());
  f.store = before;
  fail(Call::kPread, kRotated);
  go_on();
  heal();
  EXPECT_EQ("b c", f.news());
}

TEST_F(FileSourceTrouble, APositionWhoseFileCannotBeLookedForIsWaitedForByWhatMayBeIt) {
  f.settings.path = "/log/access.log*";
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.rename(kLog, kRotated);
  compress(kRotated);
  append("c\n");
  f.launch();
  fail(Call::kList, "/log");
  go_on();
  EXPECT_EQ("a c", f.news());
  heal();
  EXPECT_EQ("b", f.news());
}

TEST_F(FileSourceTrouble, ACompressedFileThatCannotBeReadNowMayBeTheOneThatIsLookedFor) {
  append("a\n");
  f.up();
  restart();
  append("b\n");
  f.disk.rename(kLog, kRotated);
  compress(kRotated);
  append("c\n");
  fail(Call::kPread, kPacked);
  f.launch();
  go_on();
  EXPECT_EQ("a c", f.news());
  heal();
  EXPECT_EQ("b", f.news());
  EXPECT_EQ(0u, f.log.count("is gone"));
}

TEST_F(FileSourceTrouble, ADamagedArchiveIsNotWaitedFor) {
  append("a\n");
  f.up();
  restart();
  f.disk.append(kPacked, "no gzip");
  f.disk.remove(kLog);
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
  EXPECT_EQ(1u, f.log.count("the file of a stored position is gone"));
}

TEST_F(FileSourceTrouble, AFileThatCouldNotBeReadWhenItWasFirstSeenIsKnownAgain) {
  append("a\n");
  f.pass(5000);
  fail(Call::kPread, kLog);
  f.launch();
  go_on();
  EXPECT_EQ("", f.news());
  restart();
  f.disk.fault = nullptr;
  rotate();
  append("b\n");
  f.up();
  EXPECT_EQ("a b", f.news());
}

}  // namespace
}  // namespace lastseen
