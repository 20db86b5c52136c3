// Finding the bytes at which things end, many bytes at a time. SSE2 is part of every x86-64; other
// machines take the plain loops, which say the same. AVX2 is asked for when the program runs.
// Nothing here reads past the given end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/equal_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lastseen {

namespace scan_detail {

#if defined(__SSE2__)
/// Less than 16 bytes in a register, with zeros behind them. A byte by byte look at the end of a
/// text cost more than all looks before it.
inline __m128i load_short(const char* p, size_t size) {
  const auto load = [](auto word, const char* at) {
    std::memcpy(&word, at, sizeof word);
    return uint64_t{word};
  };
  uint64_t low = 0;
  uint64_t high = 0;
  if (size >= 8) {
    low = load(uint64_t{}, p);
    high = load(uint64_t{}, p + size - 8) >> 8 * (15 - size) >> 8;  // 64 at once are no shift
  } else if (size >= 4) {
    low = load(uint32_t{}, p) | load(uint32_t{}, p + size - 4) << 8 * (size - 4);
  } else if (size != 0) {
    const size_t middle = size / 2;
    low = load(uint8_t{}, p) | load(uint8_t{}, p + middle) << 8 * middle |
          load(uint8_t{}, p + size - 1) << 8 * (size - 1);
  }
  return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
}

/// First of less than 16 bytes that is wanted; `end` when there is none.
template <typename WantedOf>
[[gnu::always_inline]] inline const char* find_in_short(const char* p, const char* end,
                                                        WantedOf wanted_of) {
  const auto size = static_cast<size_t>(end - p);
  const auto mask = static_cast<unsigned>(_mm_movemask_epi8(wanted_of(load_short(p, size))));
  return p + std::countr_zero(mask | 1U << size);
}

/// First byte at or after `p` that is wanted; `end` when there is none. `wanted_of` sets all bits
/// of the wanted among sixteen bytes.
template <typename WantedOf>
[[gnu::always_inline]] inline const char* find_first(const char* p, const char* end,
                                                     WantedOf wanted_of) {
  const auto mask_at = [&](const char* at) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return static_cast<unsigned>(_mm_movemask_epi8(wanted_of(bytes)));
  };
  if (end - p < 16) return find_in_short(p, end, wanted_of);
  for (; end - p >= 16; p += 16) {
    if (const unsigned mask = mask_at(p)) return p + std::countr_zero(mask);
  }
  // The last sixteen: in those that were seen before nothing is found.
  const unsigned mask = mask_at(end - 16);
  return mask != 0 ? end - 16 + std::countr_zero(mask) : end;
}
#else
template <typename IsWanted>
[[gnu::always_inline]] inline const char* find_first(const char* p, const char* end,
                                                     IsWanted is_wanted) {
  while (p < end && !is_wanted(*p)) ++p;
  return p;
}
#endif

}  // namespace scan_detail

/// '"', '\\' or a control character: what a run of plain string bytes ends at.
inline bool is_special(char byte) {
  return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

#if defined(__SSE2__)
namespace scan_detail {
inline __m128i special_of(__m128i bytes) {
  // A quote with one bit turned is the blank, of which a comparison tells the controls as well.
  constexpr char kTurned = '"' ^ ' ';
  const __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8(kTurned));
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(turned, _mm_set1_epi8(' ')), turned);
  return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}

/// How many of the 32 bytes at `p` stand before the first wanted one.
template <typename WantedOf>
[[gnu::always_inline]] inline size_t count_before(const char* p, WantedOf wanted_of) {
  const auto mask_at = [&](size_t at) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
    return static_cast<uint32_t>(_mm_movemask_epi8(wanted_of(bytes)));
  };
  if (const uint32_t mask = mask_at(0)) return static_cast<unsigned>(std::countr_zero(mask));
  const uint32_t mask = mask_at(16);
  return mask == 0 ? 32 : 16 + static_cast<unsigned>(std::countr_zero(mask));
}
}  // namespace scan_detail
#endif

/// First special byte at or after `p`; `end` when there is none.
inline const char* find_special(const char* p, const char* end) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, scan_detail::special_of);
#else
  return scan_detail::find_first(p, end, is_special);
#endif
}

/// How many bytes the next two look at; all must be there to be read.
constexpr size_t kPlainMax = 32;

/// How many bytes at `p` stand before the first special one.
inline size_t count_plain(const char* p) {
#if defined(__SSE2__)
  return scan_detail::count_before(p, scan_detail::special_of);
#else
  return static_cast<size_t>(find_special(p, p + kPlainMax) - p);
#endif
}

/// How many bytes at `p` stand before the first blank, control character or backslash.
inline size_t count_word(const char* p) {
#if defined(__SSE2__)
  return scan_detail::count_before(p, [](__m128i bytes) {
    const __m128i blanks = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
    return _mm_or_si128(blanks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  });
#else
  size_t size = 0;
  while (size<kPlainMax&& static_cast<unsigned char>(p[size])> ' ' && p[size] != '\\') ++size;
  return size;
#endif
}

/// find_special() where count_plain() has said `plain` of the bytes at `p`.
inline const char* find_special_behind(const char* p, size_t plain, const char* end) {
  return plain < kPlainMax ? p + plain : find_special(p + plain, end);
}

/// First `byte` at or after `p`; `end` when there is none. Most are near: the parts of a query, the
/// blank behind a word. A call of memchr costs more than these looks, and wins only after them.
inline const char* find_byte(const char* p, const char* end, char byte) {
#if defined(__SSE2__)
  const auto equal_of = [wanted = _mm_set1_epi8(byte)](__m128i bytes) {
    return _mm_cmpeq_epi8(bytes, wanted);
  };
  for (int look = 0; look < 2; ++look) {
    if (end - p < 16) return scan_detail::find_in_short(p, end, equal_of);
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(equal_of(bytes)));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  const void* found = p == end ? nullptr : std::memchr(p, byte, static_cast<size_t>(end - p));
  return found == nullptr ? end : static_cast<const char*>(found);
}

/// First `a` or `b` at or after `p`; `end` when there is none.
inline const char* find_either(const char* p, const char* end, char a, char b) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [=](__m128i bytes) {
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)),
                        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b)));
  });
#else
  return scan_detail::find_first(p, end, [=](char byte) { return byte == a || byte == b; });
#endif
}

/// First `a`, `b` or `c` at or after `p`; `end` when there is none.
inline const char* find_any(const char* p, const char* end, char a, char b, char c) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [=](__m128i bytes) {
    const __m128i either = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)),
                                        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b)));
    return _mm_or_si128(either, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
  });
#else
  return scan_detail::find_first(p, end,
                                 [=](char byte) { return byte == a || byte == b || byte == c; });
#endif
}

/// Whether one of the two bytes stands in the text.
inline bool holds_either(std::string_view text, char a, char b) {
  const char* const end = text.data() + text.size();
  return find_either(text.data(), end, a, b) != end;
}

/// First byte at or after `p` that is not above `last`; `end` when there is none.
inline const char* find_up_to(const char* p, const char* end, char last) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [=](__m128i bytes) {
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(last)), bytes);
  });
#else
  return scan_detail::find_first(p, end, [=](char byte) {
    return static_cast<unsigned char>(byte) <= static_cast<unsigned char>(last);
  });
#endif
}

/// First blank, control character, quote or `stop` at or after `p`; `end` when there is none.
inline const char* find_word_end(const char* p, const char* end, char stop) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [=](__m128i bytes) {
    const __m128i blanks = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
    const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8(stop)));
    return _mm_or_si128(blanks, marks);
  });
#else
  return scan_detail::find_first(p, end, [=](char byte) {
    return static_cast<unsigned char>(byte) <= ' ' || byte == '"' || byte == stop;
  });
#endif
}

/// What ends a bare value of JSON: a quote, backslash, bracket, comma, colon, blank or control
/// character. `|` is none, though its bits are those of `[` and of both braces.
inline bool is_bare_end(char byte) {
  const auto folded = static_cast<unsigned char>(byte | 0x20);
  return static_cast<unsigned char>(byte) <= ' ' || byte == '"' || byte == ',' || byte == ':' ||
         (folded >= '{' && folded <= '}' && byte != '|');
}

/// First byte at or after `p` that ends a bare value; `end` when there is none.
inline const char* find_bare_end(const char* p, const char* end) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [](__m128i bytes) {
    const auto equals = [&](char wanted) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted)); };
    const __m128i blanks = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i behind = _mm_sub_epi8(folded, _mm_set1_epi8('{'));  // braces: 0 to 2
    const __m128i braces = _mm_andnot_si128(
        equals('|'), _mm_cmpeq_epi8(_mm_min_epu8(behind, _mm_set1_epi8('}' - '{')), behind));
    const __m128i marks = _mm_or_si128(_mm_or_si128(equals('"'), equals(',')), equals(':'));
    return _mm_or_si128(_mm_or_si128(blanks, braces), marks);
  });
#else
  return scan_detail::find_first(p, end, is_bare_end);
#endif
}

/// How many bytes at `p` are those of a number or of `null`. Where a comma or brace follows, this
/// is where a bare value ends, which nearly all do so; else find_bare_end() has to be asked, which
/// costs far more. 16 bytes can be read.
inline size_t count_number(const char* p) {
  size_t size = 0;
#if defined(__SSE2__)
  // `-`, `.`, digits, and `/`, which ends no bare value either.
  const __m128i behind =
      _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), _mm_set1_epi8('-'));
  const __m128i numbers = _mm_cmpeq_epi8(_mm_min_epu8(behind, _mm_set1_epi8('9' - '-')), behind);
  const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(numbers));
  size = static_cast<unsigned>(std::countr_one(mask));
#else
  while (size < 16 && p[size] >= '-' && p[size] <= '9') ++size;
#endif
  return size == 0 && std::memcmp(p, "null", 4) == 0 ? 4 : size;
}

/// Whether the byte is a decimal digit.
inline bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

/// First byte at or after `p` that is no decimal digit; `end` when there is none.
inline const char* find_digits_end(const char* p, const char* end) {
#if defined(__SSE2__)
  return scan_detail::find_first(p, end, [](__m128i bytes) {
    const __m128i behind = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    return _mm_cmpeq_epi8(_mm_max_epu8(behind, _mm_set1_epi8(10)), behind);
  });
#else
  return scan_detail::find_first(p, end, [](char byte) { return !is_digit(byte); });
#endif
}

/// Whether a line break may be among the backslash escapes of a text: `\n`, `\r`, `\x0A`, `\u000a`
/// and their like. Not asked about the last two bytes, behind which nothing could stand.
inline bool may_hold_line_break(const char* p, const char* end) {
#if defined(__SSE2__)
  constexpr ptrdiff_t kSeen = 16 + 2;
  const auto any_at = [](const char* at) {
    const auto equals = [&](int offset, char wanted) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + offset));
      return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted));
    };
    const __m128i second = _mm_or_si128(equals(1, 'n'), equals(1, 'r'));
    const __m128i found = _mm_and_si128(equals(0, '\\'), _mm_or_si128(second, equals(2, '0')));
    return _mm_movemask_epi8(found) != 0;
  };
  const char* const begin = p;
  for (; end - p >= kSeen; p += 16) {
    if (any_at(p)) return true;
  }
  if (p != begin) return any_at(end - kSeen);
#endif
  for (; end - p > 2; ++p) {
    if (p[0] == '\\' && (p[1] == 'n' || p[1] == 'r' || p[2] == '0')) return true;
  }
  return false;
}

/// One bit for each of 32 bytes that are behind the first `size`.
constexpr uint32_t mask_behind_first(size_t size) {
  return static_cast<uint32_t>(UINT64_MAX << size);
}

/// Whether the 32 bytes at `p` begin with those of the 32 bytes at `text`, all but those behind
/// that a mask_behind_first() tells. `text` is aligned to 16 bytes.
inline bool starts_with_padded(const char* p, const char* text, uint32_t behind) {
#if defined(__SSE2__)
  const auto equal = [&](size_t at) {
    const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
    const __m128i right = _mm_load_si128(reinterpret_cast<const __m128i*>(text + at));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(left, right))) << at;
  };
  constexpr uint32_t kAll = UINT32_MAX;
  const uint32_t first = equal(0) | behind;
  if (first == kAll) return true;  // most are of 16 bytes at most
  return (first | equal(16)) == kAll;
#else
  return std::memcmp(p, text, static_cast<size_t>(32 - std::countl_one(behind))) == 0;
#endif
}

/// The same of a text that may end before.
inline bool starts_with_padded(const char* p, const char* end, const char* text, uint32_t behind) {
  if (end - p >= 32) return starts_with_padded(p, text, behind);
  const auto size = static_cast<size_t>(32 - std::countl_one(behind));
  return static_cast<size_t>(end - p) >= size && equal_text({p, size}, {text, size});
}

/// A string between quotes in which a backslash escapes the byte after it.
struct QuotedString {
  const char* end = nullptr;   ///< The closing quote; null: it is missing, or a raw control
                               ///< character stands before it.
  bool escaped = false;        ///< There is a backslash in it.
  bool other_escapes = false;  ///< There is an escape other than of a quote or a backslash.
};

using QuotedScan = QuotedString (*)(const char* p, const char* end);

/// The ways in which this CPU can do the next, all with the same answers, the fastest last.
std::span<const QuotedScan> quoted_scans();

/// The rest of scan_quoted() from the first backslash on, 64 bytes at a time.
QuotedString scan_quoted_escapes(const char* p, const char* end);

/// scan_quoted() of a string in which find_special() has found `p`.
inline QuotedString scan_quoted_from(const char* p, const char* end) {
  if (p == end) return {};
  if (*p == '"') return {p, false, false};
  if (*p != '\\') return {};
  if (end - p > 1 && p[1] == '/') {  // HAProxy's of a path, mostly the only one
    const char* const next = find_special(p + 2, end);
    if (next < end && *next == '"') return {next, true, true};
  }
  return scan_quoted_escapes(p, end);
}

/// `p` is the byte after the opening quote.
inline QuotedString scan_quoted(const char* p, const char* end) {
  return scan_quoted_from(find_special(p, end), end);
}

}  // namespace lastseen
