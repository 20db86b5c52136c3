// The verbs that the tests of the file source share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <string>

#include "fakes/gzip_bytes.h"
#include "unit/source/follower.h"

namespace lastseen {

using Call = FakeFileSystem::Call;

inline constexpr const char* kLog = "/log/access.log";

struct FileSourceTest : testing::Test {
  Follower f;

  void append(std::string_view bytes) { f.disk.append(kLog, bytes); }
  // What logrotate does with `create`; the writer goes on with the old file.
  void rotate() {
    if (f.disk.exists("/log/access.log.1")) f.disk.rename("/log/access.log.1", "/log/access.log.2");
    f.disk.rename(kLog, "/log/access.log.1");
    f.disk.create(kLog);
  }
  void rename(const std::string& from, const std::string& to) { f.disk.rename(from, to); }
  // copytruncate, up to its two halves.
  void copy(const std::string& to = "/log/access.log.1") { f.disk.copy(kLog, to); }
  void truncate() { f.disk.truncate(kLog); }
  // What gzip does.
  void compress(const std::string& path) { f.disk.compress(path, gzip_bytes(f.disk.bytes(path))); }
  void up_with(const std::string& glob) {
    f.settings.path = glob;
    f.up();
  }
  // That call fails so many times, beginning with the one after `skipped`.
  void fail(Call call, const std::string& path, int times = INT_MAX, int skipped = 0) {
    f.disk.fault = [=](Call called, const std::string& of) mutable {
      if (called != call || of != path || skipped-- > 0 || times-- <= 0) return Status::ok();
      return Status::retry("cannot read " + of + ": Input/output error");
    };
  }
  void restart() {
    f.commit();
    f.crash();
  }
};

}  // namespace lastseen
