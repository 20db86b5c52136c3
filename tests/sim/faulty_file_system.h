// The disk as the agent sees it: calls that fail now and then, and on request a planted bug.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_file_system.h"

namespace lastseen::sim {

struct DiskBugs {
  bool forgotten_descriptor = false;  ///< A renamed file is read no further.
  bool missed_siblings = false;       ///< Rotated files are not listed.
};

class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem(FakeFileSystem& disk, DiskBugs bugs) : disk_(disk), bugs_(bugs) {}

  Result<std::unique_ptr<File>> open(const std::string& path) override {
    auto file = disk_.open(path);
    if (!file || !bugs_.forgotten_descriptor || !path.ends_with(kLogName)) return file;
    return std::unique_ptr<File>(std::make_unique<ForgottenFile>(disk_, path, std::move(*file)));
  }
  Result<FileStat> stat(const std::string& path) override { return disk_.stat(path); }
  Result<std::vector<std::string>> glob(const std::string& pattern) override {
    return disk_.glob(pattern);
  }
  Result<std::string> real_directory(const std::string& path) override {
    return disk_.real_directory(path);
  }
  Result<std::string> target(const std::string& path) override { return disk_.target(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    auto names = disk_.list(directory);
    if (names && bugs_.missed_siblings)
      std::erase_if(*names, [](const std::string& name) { return name != kLogName; });
    return names;
  }

 private:
  static constexpr const char* kLogName = "access.log";

  class ForgottenFile final : public File {
   public:
    ForgottenFile(FakeFileSystem& disk, std::string path, std::unique_ptr<File> file)
        : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
    Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
      if (renamed()) return size_t{0};
      return file_->pread(buffer, length, position);
    }
    Result<FileStat> stat() override { return file_->stat(); }

   private:
    bool renamed() {
      const auto mine = file_->stat();
      const auto named = disk_.stat(path_);
      return !mine || !named || mine->inode != named->inode;
    }
    FakeFileSystem& disk_;
    std::string path_;
    std::unique_ptr<File> file_;
  };

  FakeFileSystem& disk_;
  DiskBugs bugs_;
};

}  // namespace lastseen::sim
