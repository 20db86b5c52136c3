// What SQLite alone has: a file, its directory, and a disk that is full.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "conformance/store_lab.h"

namespace lastseen {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SqliteCase : public StoreCase {
 protected:
  fs::path directory() const { return fs::path(lab_->settings().path).parent_path(); }
};
INSTANTIATE_TEST_SUITE_P(Sqlite, SqliteCase, ::testing::Values(make_sqlite_lab), lab_name);

TEST_P(SqliteCase, LoadMakesFileDirectoryAndTables) {
  settings_.path = directory() / "sub/lastseen.db";
  store_ = open(settings_);
  EXPECT_FALSE(fs::exists(directory() / "sub")) << "nothing is made before it is needed";
  load();
  EXPECT_TRUE(fs::exists(settings_.path));
}

TEST_P(SqliteCase, DirectoryOfAMissingDirectoryHolds) {
  settings_.path = directory() / "no/such/lastseen.db";
  const StoreError error = load_error(*open(settings_));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr((directory() / "no/such").string()));
}

TEST_P(SqliteCase, ClientsNeverMakeAFile) {
  const auto missing = open(settings_, true)->clients({});
  EXPECT_EQ(StatusCode::kNotFound, missing.status().code());
  EXPECT_THAT(missing.status().message(), HasSubstr(settings_.path));
  EXPECT_FALSE(fs::exists(settings_.path));
}

TEST_P(SqliteCase, ClientsReadBesideTheAgentAndAfterIt) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_THAT(*open(settings_, true)->clients({}), SizeIs(1)) << "beside the agent";
  store_.reset();
  ASSERT_FALSE(fs::exists(settings_.path + "-wal"));
  EXPECT_THAT(*open(settings_, true)->clients({}), SizeIs(1)) << "after it";
  EXPECT_FALSE(fs::exists(settings_.path + "-wal")) << "reading leaves nothing behind";
  EXPECT_FALSE(fs::exists(settings_.path + "-shm"));
}

TEST_P(SqliteCase, TimesAreTextThatComparesWithDatetime) {
  start();
  commit(BatchBuilder().seen("a", 1'763'764'705'123).take(1, 1));
  EXPECT_EQ("2025-11-21 22:38:25.123Z", lab_->sql("SELECT last_seen FROM client_activity")[0][0]);
  lab_->sql("INSERT INTO client_activity (client_id) VALUES ('now')");
  EXPECT_EQ("now", lab_->sql("SELECT client_id FROM client_activity "
                             "WHERE last_seen >= datetime('now', '-1 minute')")[0][0]);
}

TEST_P(SqliteCase, FileThatIsNoDatabaseHolds) {
  std::ofstream(settings_.path) << std::string(10'000, 'x');
  const StoreError error = load_error(*store_);
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("store.path"));
}

TEST_P(SqliteCase, FileDeletedUnderTheAgentMeansTheStoreWentBack) {
  start();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(settings_.path + suffix);
  EXPECT_EQ(CommitOutcome::kWentBack, commit(BatchBuilder().seen("b", kTime).take(1, 2)).outcome);
  EXPECT_EQ(1u, load().epoch);
  commit(BatchBuilder().seen("b", kTime).take(1, 1));
  EXPECT_EQ("1", lab_->sql("SELECT count(*) FROM client_activity")[0][0]);
}

TEST_P(SqliteCase, FullDiskKeepsTheDataAndWorksOnceThereIsRoom) {
  const std::string disk = directory() / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") != 0)
    GTEST_SKIP() << "mounting a small disk takes root";
  settings_.path = disk + "/lastseen.db";
  store_ = open(settings_);
  start();
  std::ofstream(disk + "/filler") << std::string(1'500'000, 'x');
  const auto batch = [] {
    BatchBuilder builder;
    for (int i = 0; i < 10'000; ++i) builder.seen("client-" + std::to_string(i), kTime);
    return builder.take(1, 1);
  };
  const StoreError error = commit_error(batch());
  EXPECT_EQ(StoreTrouble::kUnreachable, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("the data waits"));
  fs::remove(disk + "/filler");
  EXPECT_EQ(CommitOutcome::kCommitted, commit(batch()).outcome);
  store_.reset();
  umount2(disk.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace lastseen
