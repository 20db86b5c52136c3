// What is read ahead is exactly what would have been read.
#include "base/read_buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "fakes/fake_file_system.h"

namespace lastseen {
namespace {

constexpr const char* kPath = "/a.log";

class ReadBufferTest : public testing::Test {
 protected:
  // The file's text; each byte tells where it stands.
  std::string write(size_t bytes) {
    std::string text;
    for (size_t at = 0; text.size() < bytes; ++at) text += std::to_string(at) + ' ';
    text.resize(bytes);
    disk_.append(kPath, text);
    file_ = *disk_.open(kPath);
    return text;
  }
  std::string_view read(ReadBuffer& buffer, uint64_t position, size_t length) {
    const auto bytes = buffer.read(*file_, {1, 2, version_, position}, length);
    EXPECT_TRUE(bytes) << bytes.status().message();
    return bytes ? *bytes : std::string_view();
  }

  FakeFileSystem disk_;
  std::unique_ptr<File> file_;
  uint64_t version_ = 0;
};

TEST_F(ReadBufferTest, WhateverIsUsedOfAChunkTheNextIsWhatFollows) {
  const std::string text = write(3'000'000);
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    ReadBuffer buffer(20'000, true);
    size_t ahead = 0;
    uint64_t position = random() % 1000;
    for (int step = 0; step < 40; ++step) {
      const size_t length = random() % 8 == 0 ? 80'000 : 20'000;
      const std::string_view bytes = read(buffer, position, length);
      ASSERT_EQ(std::string_view(text).substr(position, length), bytes) << round << " " << step;
      if (buffer.may_read_ahead(bytes)) {
        buffer.read_ahead();
        ++ahead;
        ASSERT_EQ(std::string_view(text).substr(position, length), bytes) << "while it is in use";
        ASSERT_FALSE(buffer.may_read_ahead(bytes)) << "once is enough";
      }
      position += random() % 3 == 0 ? random() % bytes.size() : bytes.size() - random() % 700;
    }
    EXPECT_GT(ahead, 5u);
  }
}

TEST_F(ReadBufferTest, AFileThatIsReadOnIsReadOnce) {
  write(200'000);
  ReadBuffer buffer(20'000, true);
  uint64_t position = 0;
  for (int chunk = 0; chunk < 8; ++chunk) {
    const std::string_view bytes = read(buffer, position, 20'000);
    if (buffer.may_read_ahead(bytes)) buffer.read_ahead();
    position += bytes.size() - 100;
  }
  EXPECT_EQ(9, disk_.calls(FakeFileSystem::Call::kPread)) << "one a chunk, and one not used yet";
}

TEST_F(ReadBufferTest, NothingIsReadAheadBeforeAFileIsReadOn) {
  write(200'000);
  ReadBuffer buffer(20'000, true);
  EXPECT_FALSE(buffer.may_read_ahead(read(buffer, 0, 20'000))) << "the first of it";
  EXPECT_FALSE(buffer.may_read_ahead(read(buffer, 90'000, 20'000))) << "another place";
  EXPECT_TRUE(buffer.may_read_ahead(read(buffer, 110'000, 20'000)));
  EXPECT_FALSE(buffer.may_read_ahead("bytes of another source"));
  EXPECT_FALSE(buffer.may_read_ahead(read(buffer, 190'000, 20'000))) << "its end";
}

TEST_F(ReadBufferTest, WithoutThreadsNothingIsReadAhead) {
  write(200'000);
  ReadBuffer buffer(20'000);
  read(buffer, 0, 20'000);
  EXPECT_FALSE(buffer.may_read_ahead(read(buffer, 20'000, 20'000)));
}

TEST_F(ReadBufferTest, WhatWasWrittenAnewIsReadAnew) {
  write(200'000);
  ReadBuffer buffer(20'000, true);
  read(buffer, 0, 20'000);
  ASSERT_TRUE(buffer.may_read_ahead(read(buffer, 20'000, 20'000)));
  buffer.read_ahead();
  disk_.truncate(kPath);
  disk_.append(kPath, std::string(200'000, 'n'));
  ++version_;
  EXPECT_EQ(std::string(20'000, 'n'), read(buffer, 39'900, 20'000));
}

TEST_F(ReadBufferTest, AReadAheadThatFailsIsTriedAgainInItsTurn) {
  const std::string text = write(200'000);
  ReadBuffer buffer(20'000, true);
  read(buffer, 0, 20'000);
  ASSERT_TRUE(buffer.may_read_ahead(read(buffer, 20'000, 20'000)));
  disk_.fail_nth(0, Status::retry("the disk is gone"));
  buffer.read_ahead();
  EXPECT_TRUE(disk_.nth_failed());
  EXPECT_EQ(text.substr(40'000, 20'000), read(buffer, 40'000, 20'000));
}

}  // namespace
}  // namespace lastseen
