// The disk as the agent sees it, with a planted bug on request: a file that was renamed away is
// read no further, as by a tailer that reopens by name.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_file_system.h"

namespace lastseen::sim {

class ForgetfulFileSystem final : public FileSystem {
 public:
  /// `path`: the name that the proxy writes to. Without `forget` everything passes through.
  ForgetfulFileSystem(FakeFileSystem& disk, std::string path, bool forget)
      : disk_(disk), path_(std::move(path)), forget_(forget) {}

  Result<std::unique_ptr<File>> open(const std::string& path) override {
    auto file = disk_.open(path);
    if (!file || !forget_) return file;
    return std::unique_ptr<File>(std::make_unique<ForgetfulFile>(*this, std::move(*file)));
  }
  Result<FileStat> stat(const std::string& path) override { return disk_.stat(path); }
  std::vector<std::string> glob(const std::string& pattern) override { return disk_.glob(pattern); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return disk_.list(directory);
  }

 private:
  class ForgetfulFile final : public File {
   public:
    ForgetfulFile(ForgetfulFileSystem& view, std::unique_ptr<File> file)
        : view_(view), file_(std::move(file)) {}
    Result<size_t> pread(char* buffer, size_t length, uint64_t position) override {
      if (renamed()) return size_t{0};
      return file_->pread(buffer, length, position);
    }
    Result<FileStat> stat() override { return file_->stat(); }

   private:
    bool renamed() {
      const auto mine = file_->stat();
      const auto named = view_.disk_.stat(view_.path_);
      return !mine || !named || mine->inode != named->inode;
    }
    ForgetfulFileSystem& view_;
    std::unique_ptr<File> file_;
  };

  FakeFileSystem& disk_;
  std::string path_;
  bool forget_;
};

}  // namespace lastseen::sim
