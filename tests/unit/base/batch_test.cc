#include "base/batch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lastseen {
namespace {

TEST(IdArena, ViewsStayValidWhileItGrowsAndWhenItIsMoved) {
  IdArena arena;
  std::vector<std::string_view> views;
  for (int i = 0; i < 20'000; ++i) views.push_back(arena.add("client-" + std::to_string(i)));
  const IdArena moved = std::move(arena);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ("client-" + std::to_string(i), views[size_t(i)]);
}

TEST(IdArena, AdoptedViewsStayValidAndBothGoOnGrowing) {
  IdArena one;
  IdArena two;
  const std::string_view a = one.add("a");
  const std::string_view b = two.add("b");
  one.adopt(std::move(two));
  const std::string_view c = one.add("c");
  EXPECT_EQ("abc", std::string(a) + std::string(b) + std::string(c));
}

TEST(IdArena, IdLongerThanAChunkHasAChunkOfItsOwn) {
  IdArena arena;
  const std::string longer(1'000'000, 'x');
  EXPECT_EQ("short", arena.add("short"));
  EXPECT_EQ(longer, arena.add(longer));
  EXPECT_EQ("", arena.add(""));
}

}  // namespace
}  // namespace lastseen
