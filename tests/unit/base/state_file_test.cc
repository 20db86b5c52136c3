#include "base/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fakes/temp_dir.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

class StateFileTest : public testing::Test {
 protected:
  TempDir directory_;
  std::string path_ = directory_ / "state/agent.spill";
  std::unique_ptr<StateFile> file_ = make_state_file(path_);
};

TEST_F(StateFileTest, MissingIsNothingAndNoError) {
  const auto bytes = file_->read();
  ASSERT_TRUE(bytes.is_ok());
  EXPECT_FALSE(bytes->has_value());
  EXPECT_TRUE(file_->remove());
}

TEST_F(StateFileTest, ReplaceMakesTheDirectoryAndLeavesOneFileForUsAlone) {
  ASSERT_TRUE(file_->replace("one"));
  ASSERT_TRUE(file_->replace("two"));
  EXPECT_EQ("two", **file_->read());
  struct stat info {};
  ASSERT_EQ(0, ::stat(path_.c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777);
  EXPECT_EQ(1, std::distance(std::filesystem::directory_iterator(directory_ / "state"), {}));
  ASSERT_TRUE(file_->remove());
  EXPECT_FALSE((*file_->read()).has_value());
}

TEST_F(StateFileTest, FailureLeavesTheOldOneAndSaysWhy) {
  ASSERT_TRUE(file_->replace("old"));
  std::filesystem::create_directory(path_ + ".new");
  const Status failed = file_->replace("new");
  EXPECT_EQ(StatusCode::kRetry, failed.code());
  EXPECT_THAT(failed.message(), HasSubstr(path_ + ": cannot write it: "));
  EXPECT_EQ("old", **file_->read());
}

TEST_F(StateFileTest, AsideEachHasANameOfItsOwn) {
  for (const char* text : {"a", "b"}) {
    ASSERT_TRUE(file_->replace(text));
    const auto place = file_->set_aside();
    ASSERT_TRUE(place.is_ok());
    std::string found;
    std::ifstream(*place) >> found;
    EXPECT_EQ(text, found);
    EXPECT_FALSE((*file_->read()).has_value());
  }
}

}  // namespace
}  // namespace lastseen
