// Many files in one directory: effort that grows with them, not with their square.
#include "unit/source/file_source_fixture.h"

namespace lastseen {
namespace {

constexpr int kManyFiles = 300;
// Listed, and listed again to see that nothing was renamed while its files were asked.
constexpr int kListing = 2;

struct FileSourceMany : testing::Test {
  Follower f{"/log/*.log"};

  FileSourceMany() {
    for (int i = 0; i < kManyFiles; ++i) f.disk.append(site(i), name(i) + "\n");
  }
  static std::string name(int i) { return "site" + std::to_string(i); }
  static std::string site(int i) { return "/log/" + name(i) + ".log"; }
  void rotate_all() {
    for (int i = 0; i < kManyFiles; ++i) {
      f.disk.rename(site(i), site(i) + ".1");
      f.disk.append(site(i), "new of " + name(i) + "\n");
    }
  }
  // Listings and other calls, while `verb` runs.
  template <typename Verb>
  std::pair<int, int> calls_of(Verb verb) {
    auto all = [&] {
      return f.disk.calls(Call::kStat) + f.disk.calls(Call::kOpen) + f.disk.calls(Call::kFstat) +
             f.disk.calls(Call::kPread);
    };
    const int listed = f.disk.calls(Call::kList);
    const int called = all();
    verb();
    return {f.disk.calls(Call::kList) - listed, all() - called};
  }
};

TEST_F(FileSourceMany, TheFirstLookListsTheirDirectoryOnce) {
  const auto [listings, calls] = calls_of([&] { f.launch(); });
  EXPECT_EQ(kListing, listings);
  EXPECT_LT(calls, 7 * kManyFiles);
}

TEST_F(FileSourceMany, HeldRotatedFilesAreFoundInOneListing) {
  rotate_all();
  const auto [listings, calls] = calls_of([&] { f.launch(); });
  EXPECT_EQ(kListing, listings);
  EXPECT_LT(calls, 12 * kManyFiles);
}

TEST_F(FileSourceMany, PositionsOfRotatedFilesAreFoundInOneListing) {
  f.up();
  f.commit();
  f.crash();
  rotate_all();
  const auto [listings, calls] = calls_of([&] {
    f.launch();
    f.restore();
  });
  EXPECT_LE(listings, 2 * kListing);
  EXPECT_LT(calls, 40 * kManyFiles);
  f.source->begin();
  f.look();
  EXPECT_EQ(2u * kManyFiles, f.lines.size());
}

TEST_F(FileSourceMany, ALookAfterAllWereRotatedListsOnce) {
  f.up();
  rotate_all();
  const auto [listings, calls] = calls_of([&] { f.look(); });
  EXPECT_LE(listings, kListing);
  EXPECT_LT(calls, 40 * kManyFiles);
  EXPECT_EQ(2u * kManyFiles, f.lines.size());
}

TEST_F(FileSourceMany, ALookAfterAllWereDeletedListsOnce) {
  f.up();
  for (int i = 0; i < kManyFiles; ++i) f.disk.remove(site(i));
  const auto [listings, calls] = calls_of([&] { f.look(); });
  EXPECT_LE(listings, kListing + 1);  // one of them to explain why the pattern matches nothing
  EXPECT_LT(calls, 10 * kManyFiles);
}

}  // namespace
}  // namespace lastseen
