#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file_system.h"

namespace lastseen {
namespace {

struct PosixFileSystemTest : testing::Test {
  PosixFileSystemTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lastseen-XXXXXX").string();
    directory = mkdtemp(pattern.data());
  }
  ~PosixFileSystemTest() override { std::filesystem::remove_all(directory); }
  std::string at(const std::string& name) const { return directory + "/" + name; }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(at(name)) << bytes;
  }

  std::string directory;
  std::unique_ptr<FileSystem> files = make_posix_file_system();
};

TEST_F(PosixFileSystemTest, ReadsAtAPosition) {
  write("a", "hello");
  auto file = files->open(at("a"));
  ASSERT_TRUE(file);
  char buffer[10];
  EXPECT_EQ(3u, *(*file)->pread(buffer, 3, 1));
  EXPECT_EQ("ell", std::string(buffer, 3));
  EXPECT_EQ(2u, *(*file)->pread(buffer, 10, 3));
  EXPECT_EQ(0u, *(*file)->pread(buffer, 10, 100));
}

TEST_F(PosixFileSystemTest, TheDescriptorOutlivesTheName) {
  write("a", "hello");
  auto file = files->open(at("a"));
  FileStat before = *(*file)->stat();
  std::filesystem::remove(at("a"));
  write("a", "other file");
  FileStat after = *(*file)->stat();
  EXPECT_EQ(before.inode, after.inode);
  EXPECT_EQ(before.birth_ns, after.birth_ns);
  EXPECT_EQ(0u, after.links);
  EXPECT_EQ(5, after.size);
  EXPECT_NE(before.inode, files->stat(at("a"))->inode);
}

TEST_F(PosixFileSystemTest, PathAndDescriptorAgree) {
  write("a", "hello");
  FileStat by_path = *files->stat(at("a"));
  FileStat by_descriptor = *(*files->open(at("a")))->stat();
  EXPECT_EQ(by_path.device, by_descriptor.device);
  EXPECT_EQ(by_path.inode, by_descriptor.inode);
  EXPECT_EQ(by_path.birth_ns, by_descriptor.birth_ns);
  EXPECT_EQ(by_path.modified_ns, by_descriptor.modified_ns);
}

TEST_F(PosixFileSystemTest, ErrorsNameTheReactionAndTheReason) {
  EXPECT_EQ(StatusCode::kNotFound, files->open(at("none")).status().code());
  EXPECT_EQ("cannot stat " + at("none") + ": No such file or directory",
            files->open(at("none")).status().message());
  EXPECT_EQ(StatusCode::kReject, files->open(directory).status().code());
  EXPECT_EQ(StatusCode::kNotFound, files->list(at("none")).status().code());
  write("a", "");
  EXPECT_EQ(StatusCode::kNotFound, files->stat(at("a/b")).status().code());
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  chmod(at("a").c_str(), 0);
  EXPECT_EQ(StatusCode::kRetry, files->open(at("a")).status().code());
}

TEST_F(PosixFileSystemTest, AFifoIsRejectedWithoutWaiting) {
  ASSERT_EQ(0, mkfifo(at("fifo").c_str(), 0600));
  EXPECT_EQ(StatusCode::kReject, files->open(at("fifo")).status().code());
}

TEST_F(PosixFileSystemTest, GlobIsSorted) {
  write("b.log", "");
  write("a.log", "");
  write("other", "");
  std::filesystem::create_symlink(at("other"), at("e.log"));
  EXPECT_THAT(*files->glob(at("*.log")),
              testing::ElementsAre(at("a.log"), at("b.log"), at("e.log")));
  EXPECT_THAT(*files->glob(at("a.log")), testing::ElementsAre(at("a.log")));
  EXPECT_THAT(*files->glob(at("none")), testing::IsEmpty());
}

TEST_F(PosixFileSystemTest, LinksAreFollowedToTheirEndWhetherAnythingIsThereOrNot) {
  std::filesystem::create_directory(at("logs"));
  std::filesystem::create_symlink("second", at("first"));
  std::filesystem::create_symlink(at("logs/../logs/access.log"), at("second"));
  EXPECT_EQ(at("logs/access.log"), *files->target(at("first")));
  EXPECT_EQ(at("none"), *files->target(at("none")));
  write("logs/access.log", "");
  EXPECT_EQ(at("logs/access.log"), *files->target(at("logs/access.log")));
  std::filesystem::create_symlink("circle", at("circle"));
  EXPECT_EQ(at("circle"), *files->target(at("circle")));
  EXPECT_EQ(StatusCode::kRetry, files->stat(at("circle")).status().code());  // so it is said
}

TEST_F(PosixFileSystemTest, ADirectoryHasOnePathHoweverItIsNamed) {
  std::filesystem::create_directory(at("logs"));
  std::filesystem::create_symlink("logs", at("current"));
  std::filesystem::create_symlink("../current/access.log", at("logs/latest"));
  for (const char* name : {"logs", "current", "current/../logs/", "current/."})
    EXPECT_EQ(at("logs"), *files->real_directory(at(name))) << name;
  EXPECT_EQ("/", *files->real_directory("/tmp/.."));
  EXPECT_EQ(at("none"), *files->real_directory(at("none")));
  EXPECT_EQ(at("logs/access.log"), *files->target(at("logs/latest")));
}

TEST_F(PosixFileSystemTest, ListIsSortedAndWhole) {
  write("b", "");
  write("a", "");
  std::filesystem::create_directory(at("c"));
  EXPECT_THAT(*files->list(directory), testing::ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace lastseen
