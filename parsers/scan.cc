#include "parsers/scan.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace lastseen {
namespace {

constexpr size_t kBlock = 64;

/// One bit a byte, the first byte lowest.
struct BlockMasks {
  uint64_t quotes = 0;
  uint64_t backslashes = 0;
  uint64_t controls = 0;
};

BlockMasks masks_by_bytes(const char* p) {
  BlockMasks masks;
  for (unsigned at = 0; at < kBlock; ++at) {
    masks.quotes |= uint64_t{p[at] == '"'} << at;
    masks.backslashes |= uint64_t{p[at] == '\\'} << at;
    masks.controls |= uint64_t{static_cast<unsigned char>(p[at]) < 0x20} << at;
  }
  return masks;
}

#if defined(__SSE2__)
BlockMasks masks_by_sse2(const char* p) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  BlockMasks masks;
  for (unsigned at = 0; at < kBlock; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const auto bits = [at](__m128i matches) {
      return uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(matches))} << at;
    };
    masks.quotes |= bits(_mm_cmpeq_epi8(bytes, quote));
    masks.backslashes |= bits(_mm_cmpeq_epi8(bytes, backslash));
    masks.controls |= bits(controls);
  }
  return masks;
}

// With registers that not every x86-64 has.
#define LASTSEEN_AVX2 __attribute__((target("avx2,bmi,bmi2")))
#define LASTSEEN_AVX512 __attribute__((target("avx512bw,avx512vbmi2,bmi,bmi2")))

LASTSEEN_AVX2 BlockMasks masks_by_avx2(const char* p) {
  __m256i quote = _mm256_set1_epi8('"');
  __m256i backslash = _mm256_set1_epi8('\\');
  __m256i last_control = _mm256_set1_epi8(0x1f);
  // Otherwise GCC 12 makes them anew for each block, of which they would be a fifth.
  __asm__("" : "+x"(quote), "+x"(backslash), "+x"(last_control));
  BlockMasks masks;
  for (unsigned at = 0; at < kBlock; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + at));
    const __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last_control), bytes);
    const auto bits = [at](int mask) { return uint64_t{static_cast<uint32_t>(mask)} << at; };
    masks.quotes |= bits(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, quote)));
    masks.backslashes |= bits(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, backslash)));
    masks.controls |= bits(_mm256_movemask_epi8(controls));
  }
  return masks;
}

LASTSEEN_AVX512 BlockMasks masks_by_avx512(const char* p) {
  const __m512i bytes = _mm512_loadu_si512(p);
  return {_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')),
          _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')),
          _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(0x20))};
}
#endif

/// Which of the backslashes escape the byte after them: in each run the first, third, fifth …
/// Adding its first bit to a run clears the run, so one addition sorts the runs that begin at an
/// even place from those that begin at an odd one (the idea is from Langdale and Lemire,
/// arXiv:1902.08318, section 3.1.1).
uint64_t escaping(uint64_t backslashes) {
  constexpr uint64_t kEven = 0x5555'5555'5555'5555;
  if ((backslashes & backslashes << 1) == 0) return backslashes;  // mostly, none beside another
  const uint64_t run_starts = backslashes & ~(backslashes << 1);
  const uint64_t even_runs = backslashes & ~(backslashes + (run_starts & kEven));
  const uint64_t odd_runs = backslashes & ~even_runs;
  return (even_runs & kEven) | (odd_runs & ~kEven);
}

/// `masks_of` is known where this is inlined into one of the scans below, and inlined with it.
[[gnu::always_inline]] inline QuotedString scan_blocks(const char* p, const char* end,
                                                       BlockMasks (*masks_of)(const char*)) {
  uint64_t escapes = 0;  // some bit is set: there are any
  uint64_t other_escapes = 0;
  const char* const begin = p;
  uint64_t carry = 0;  // 1: the block's first byte is escaped by the last byte of the block before
  while (p < end) {
    uint64_t valid = ~uint64_t{0};
    const auto left = static_cast<size_t>(end - p);
    BlockMasks masks;
    if (left >= kBlock) {
      masks = masks_of(p);
    } else {
      const size_t missing = kBlock - left;
      valid >>= missing;
      if (static_cast<size_t>(p - begin) >=
          missing) {  // the last 64 bytes, less those seen already
        masks = masks_of(end - kBlock);
        masks = {masks.quotes >> missing, masks.backslashes >> missing, masks.controls >> missing};
      } else {
        char tail[kBlock];
        std::memset(tail, ' ', kBlock);
        std::memcpy(tail, p, left);
        masks = masks_of(tail);
      }
    }
    const uint64_t escapers = escaping(masks.backslashes & ~carry);
    const uint64_t escaped = (escapers << 1 | carry) & valid;
    carry = escapers >> (kBlock - 1);
    const uint64_t closing = masks.quotes & ~escaped;
    // All bits below the closing quote; all bits when it is not in this block.
    const uint64_t inside = (closing & -closing) - 1;
    if ((masks.controls & inside) != 0) return {};
    escapes |= escapers & inside;
    other_escapes |= escaped & inside & ~(masks.quotes | masks.backslashes);
    if (closing != 0) return {p + std::countr_zero(closing), escapes != 0, other_escapes != 0};
    p += left < kBlock ? left : kBlock;
  }
  return {};
}

QuotedString scan_by_bytes(const char* p, const char* end) {
  return scan_blocks(p, end, masks_by_bytes);
}

#if defined(__SSE2__)
QuotedString scan_by_sse2(const char* p, const char* end) {
  return scan_blocks(p, end, masks_by_sse2);
}

LASTSEEN_AVX2 QuotedString scan_by_avx2(const char* p, const char* end) {
  return scan_blocks(p, end, masks_by_avx2);
}

LASTSEEN_AVX512 QuotedString scan_by_avx512(const char* p, const char* end) {
  return scan_blocks(p, end, masks_by_avx512);
}
#endif

}  // namespace

std::span<const QuotedScan> quoted_scans() {
#if defined(__SSE2__)
  static constexpr QuotedScan kScans[] = {scan_by_bytes, scan_by_sse2, scan_by_avx2,
                                          scan_by_avx512};
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
  // The CPUs that came before VBMI2 run slower for some time after they used wide registers.
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512vbmi2");
  return std::span(kScans).first(avx512 ? 4 : avx2 ? 3 : 2);
#else
  static constexpr QuotedScan kScans[] = {scan_by_bytes};
  return kScans;
#endif
}

QuotedString scan_quoted_escapes(const char* p, const char* end) {
  static const QuotedScan fastest = quoted_scans().back();
  return fastest(p, end);
}

}  // namespace lastseen
