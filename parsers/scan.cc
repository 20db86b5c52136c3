#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr size_t kBlock = 64;

/// One bit a byte, the first byte lowest.
struct BlockMasks {
  uint64_t quotes = 0;
  uint64_t backslashes = 0;
  uint64_t controls = 0;
};

#if defined(__SSE2__)
BlockMasks masks_of(const char* p) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const auto bits = [](__m128i matches) {
    return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(matches)));
  };
  BlockMasks masks;
  for (unsigned at = 0; at < kBlock; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
    masks.quotes |= bits(_mm_cmpeq_epi8(bytes, quote)) << at;
    masks.backslashes |= bits(_mm_cmpeq_epi8(bytes, backslash)) << at;
    masks.controls |= bits(_mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes)) << at;
  }
  return masks;
}
#else
BlockMasks masks_of(const char* p) {
  BlockMasks masks;
  for (unsigned at = 0; at < kBlock; ++at) {
    masks.quotes |= uint64_t{p[at] == '"'} << at;
    masks.backslashes |= uint64_t{p[at] == '\\'} << at;
    masks.controls |= uint64_t{static_cast<unsigned char>(p[at]) < 0x20} << at;
  }
  return masks;
}
#endif

/// Which of the backslashes escape the byte after them: in each run the first, third, fifth …
/// Adding its first bit to a run clears the run, so one addition sorts the runs that begin at an
/// even place from those that begin at an odd one (the idea is from Langdale and Lemire,
/// arXiv:1902.08318, section 3.1.1).
uint64_t escaping(uint64_t backslashes) {
  constexpr uint64_t kEven = 0x5555'5555'5555'5555;
  const uint64_t run_starts = backslashes & ~(backslashes << 1);
  const uint64_t even_runs = backslashes & ~(backslashes + (run_starts & kEven));
  const uint64_t odd_runs = backslashes & ~even_runs;
  return (even_runs & kEven) | (odd_runs & ~kEven);
}

}  // namespace

QuotedString scan_quoted_escapes(const char* p, const char* end) {
  QuotedString found;
  uint64_t carry = 0;  // 1: the block's first byte is escaped by the last byte of the block before
  char tail[kBlock];
  while (p < end) {
    const char* block = p;
    uint64_t valid = ~uint64_t{0};
    const auto left = static_cast<size_t>(end - p);
    if (left < kBlock) {
      std::memset(tail, ' ', kBlock);
      std::memcpy(tail, p, left);
      block = tail;
      valid >>= kBlock - left;
    }
    const BlockMasks masks = masks_of(block);
    const uint64_t escapers = escaping(masks.backslashes & ~carry);
    const uint64_t escaped = (escapers << 1 | carry) & valid;
    carry = escapers >> (kBlock - 1);
    const uint64_t closing = masks.quotes & ~escaped;
    // All bits below the closing quote; all bits when it is not in this block.
    const uint64_t inside = closing == 0 ? ~uint64_t{0} : (closing & -closing) - 1;
    if ((masks.controls & inside) != 0) return {};
    found.escaped |= (escapers & inside) != 0;
    found.other_escapes |= (escaped & inside & ~masks.quotes & ~masks.backslashes) != 0;
    if (closing != 0) {
      found.end = p + std::countr_zero(closing);
      return found;
    }
    p += left < kBlock ? left : kBlock;
  }
  return {};
}

}  // namespace lastseen
