#include "base/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "fakes/temp_dir.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SecretFile : public testing::Test {
 protected:
  Result<std::string> read(std::string_view bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return read_secret_file(path_);
  }
  std::string refused(std::string_view bytes) {
    const auto secret = read(bytes);
    EXPECT_EQ(StatusCode::kFatal, secret.status().code()) << bytes;
    return secret.status().message();
  }

  TempDir directory_;
  std::string path_ = directory_ / "password";
};

TEST_F(SecretFile, OnlyTheEndOfTheLineIsNoPartOfIt) {
  EXPECT_EQ("p@ss word ", *read("p@ss word "));
  EXPECT_EQ("p@ss", *read("p@ss\n"));
  EXPECT_EQ("p@ss", *read("p@ss\r\n"));
  EXPECT_EQ(kSecretBytesMax, (*read(std::string(kSecretBytesMax, 'x') + "\n")).size());
}

TEST_F(SecretFile, WhatIsNoSecretIsRefusedAndNotRepeated) {
  EXPECT_THAT(refused(""), HasSubstr("it is empty"));
  EXPECT_THAT(refused("\n"), HasSubstr("it is empty"));
  EXPECT_THAT(refused("one\ntwo\n"), HasSubstr("several lines"));
  EXPECT_THAT(refused(std::string_view("a\0b", 3)), HasSubstr("NUL"));
  EXPECT_THAT(refused(std::string(kSecretBytesMax + 1, 'x')), HasSubstr("longer than 8192"));
  EXPECT_THAT(refused("hunter2\nx"), Not(HasSubstr("hunter2")));
}

TEST_F(SecretFile, AMissingFileOrADirectorySaysWhatToDo) {
  EXPECT_THAT(read_secret_file(path_).status().message(),
              HasSubstr("password: cannot read it: No such file or directory; make it readable"));
  EXPECT_THAT(read_secret_file(directory_ / "").status().message(), HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace lastseen
