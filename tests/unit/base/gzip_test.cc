#include "base/gzip.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "fakes/fake_file_system.h"
#include "fakes/gzip_bytes.h"

namespace lastseen {
namespace {

constexpr const char* kPath = "/log/a.gz";

struct GzipFile : testing::Test {
  GzipFile() { disk.make_directory("/log"); }

  void open() { file = std::move(*open_possibly_gzip(disk, kPath)); }
  std::string read(size_t length, uint64_t position) {
    std::string bytes(length, '?');
    Result<size_t> got = file->pread(bytes.data(), length, position);
    if (!got) return "error: " + got.status().message();
    return bytes.substr(0, *got);
  }
  int64_t size() { return file->stat()->size; }
  static std::string lines(int count) {
    Random random(7);
    std::string text;
    for (int i = 0; i < count; ++i) text += std::to_string(random.next()) + "\n";
    return text;
  }

  FakeFileSystem disk;
  std::unique_ptr<File> file;
};

TEST_F(GzipFile, GivesWhatWasPacked) {
  disk.append(kPath, gzip_bytes("a\nb\nc"));
  open();
  EXPECT_EQ("a\nb", read(3, 0));
  EXPECT_EQ("\nc", read(9, 3));
  EXPECT_EQ("", read(9, 5));
  EXPECT_EQ(5, size());
  EXPECT_TRUE(file->complete());
}

TEST_F(GzipFile, MembersAreOneStream) {
  disk.append(kPath, gzip_bytes("a\n") + gzip_bytes("") + gzip_bytes("b\n"));
  open();
  EXPECT_EQ("a\nb\n", read(9, 0));
  EXPECT_TRUE(file->complete());
}

TEST_F(GzipFile, PaddingBehindTheLastMemberIsNothing) {
  disk.append(kPath, gzip_bytes("a\n") + std::string(512, '\0'));
  open();
  EXPECT_EQ("a\n", read(9, 0));
  EXPECT_TRUE(file->complete());
}

TEST_F(GzipFile, AnyOrderOfReadsGivesTheSameBytes) {
  const std::string text = lines(100'000);
  disk.append(kPath, gzip_bytes(text));
  open();
  Random random(1);
  uint64_t position = 0;
  for (int i = 0; i < 100; ++i) {
    const size_t length = random.below(300'000);
    ASSERT_EQ(text.substr(position, length), read(length, position)) << position;
    const uint64_t end = std::min<uint64_t>(position + length, text.size());
    position = random.below(10) == 0 ? random.below(text.size())
                                     : end - std::min<uint64_t>(end, random.below(5000));
  }
}

TEST_F(GzipFile, TheSizeIsMoreThanWasReadUntilTheEndIsKnown) {
  const std::string text = lines(50'000);
  disk.append(kPath, gzip_bytes(text));
  open();
  EXPECT_GT(size(), 0);
  for (uint64_t at = 0; at < text.size(); at += 100'000) {
    read(100'000, at);
    EXPECT_GE(size(), static_cast<int64_t>(std::min<uint64_t>(at + 100'001, text.size())));
  }
  EXPECT_EQ(static_cast<int64_t>(text.size()), size());
}

TEST_F(GzipFile, OneThatIsStillBeingWrittenGrows) {
  const std::string text = lines(10'000);
  const std::string packed = gzip_bytes(text);
  for (size_t cut : {size_t{0}, size_t{1}, size_t{15}, packed.size() / 2, packed.size() - 1}) {
    disk.create(kPath);
    disk.append(kPath, packed.substr(0, cut));
    open();
    std::string first = read(text.size() + 1, 0);
    EXPECT_EQ(text.substr(0, first.size()), first);
    EXPECT_FALSE(file->complete());
    disk.append(kPath, packed.substr(cut));
    EXPECT_EQ(text.substr(first.size()), read(text.size() + 1, first.size())) << cut;
    EXPECT_EQ(static_cast<int64_t>(text.size()), size());
    EXPECT_TRUE(file->complete());
  }
}

TEST_F(GzipFile, WhatIsNotGzipIsAnErrorThatNamesTheFile) {
  disk.append(kPath, "plain text\n");
  open();
  EXPECT_EQ("error: cannot read /log/a.gz: not good gzip: incorrect header check", read(9, 0));
  EXPECT_EQ(0, size());
}

TEST_F(GzipFile, ADamagedEndLosesOnlyTheEnd) {
  const std::string text = lines(100'000);
  std::string packed = gzip_bytes(text);
  packed[packed.size() / 2] ^= 0x55;
  disk.append(kPath, packed);
  open();
  EXPECT_EQ(text.substr(0, 1000), read(1000, 0));
  EXPECT_EQ("error", read(1, uint64_t{1} << 40).substr(0, 5));
}

TEST_F(GzipFile, AnErrorOfTheDiskIsTriedAgain) {
  disk.append(kPath, gzip_bytes("a\n"));
  open();
  disk.fail_nth(0, Status::retry("I/O"));
  EXPECT_EQ("error: I/O", read(9, 0));
  EXPECT_EQ("a\n", read(9, 0));
}

TEST_F(GzipFile, OtherNamesAreReadAsTheyAre) {
  disk.append("/log/b", "plain\n");
  file = std::move(*open_possibly_gzip(disk, "/log/b"));
  EXPECT_EQ("plain\n", read(9, 0));
  EXPECT_FALSE(file->complete());
  EXPECT_EQ(StatusCode::kNotFound, open_possibly_gzip(disk, "/log/none.gz").status().code());
}

}  // namespace
}  // namespace lastseen
