#include "base/equal_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace lastseen {
namespace {

// On the heap, so that a look past the end is noticed by a sanitizer.
using Bytes = std::vector<char>;

bool equal(const Bytes& a, const Bytes& b) {
  return equal_text({a.data(), a.size()}, {b.data(), b.size()});
}

TEST(EqualText, ADifferenceAtAnyPlaceOfAnySizeIsSeen) {
  for (size_t size = 0; size < 40; ++size) {
    const Bytes text(size, 'x');
    EXPECT_TRUE(equal(text, Bytes(text))) << size;
    EXPECT_FALSE(equal(text, Bytes(size + 1, 'x'))) << size;
    for (size_t at = 0; at < size; ++at) {
      Bytes other = text;
      other[at] = 'y';
      EXPECT_FALSE(equal(text, other)) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace lastseen
