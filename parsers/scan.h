// Finding the bytes at which things end, many bytes at a time. SSE2 is part of every x86-64; other
// machines take the plain loops, which say the same. AVX2 is asked for when the program runs.
// Nothing here reads past the given end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lastseen {

/// '"', '\\' or a control character: what a run of plain string bytes ends at.
inline bool is_special(char byte) {
  return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

/// First special byte at or after `p`; `end` when there is none.
inline const char* find_special(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p < end && !is_special(*p)) ++p;
  return p;
}

/// First `byte` at or after `p`; `end` when there is none. Most are near: the parts of a query, the
/// blank behind a word. A call of memchr costs more than these two looks, and wins only after them.
inline const char* find_byte(const char* p, const char* end, char byte) {
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  for (int look = 0; look < 2 && end - p >= 16; ++look) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
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
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b)))));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p < end && *p != a && *p != b) ++p;
  return p;
}

/// Whether one of the two bytes stands in the text. Most texts are shorter than a register.
inline bool holds_either(std::string_view text, char a, char b) {
#if defined(__SSE2__)
  const auto found = [&](__m128i bytes) {
    return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)),
                                          _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b)))) != 0;
  };
  const char* const p = text.data();
  if (text.size() >= 16) {
    size_t at = 0;
    for (; at + 16 < text.size(); at += 16) {
      if (found(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at)))) return true;
    }
    // The last register's bytes may overlap those before.
    return found(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + text.size() - 16)));
  }
  if (text.size() >= 8) {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + text.size() - 8));
    return found(_mm_unpacklo_epi64(low, high));
  }
#endif
  for (const char c : text) {
    if (c == a || c == b) return true;
  }
  return false;
}

/// First blank, control character, quote or `stop` at or after `p`; `end` when there is none.
inline const char* find_word_end(const char* p, const char* end, char stop) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i other = _mm_set1_epi8(stop);
  const __m128i last_blank = _mm_set1_epi8(' ');
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, other)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_blank), bytes));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p<end&& static_cast<unsigned char>(*p)> ' ' && *p != '"' && *p != stop) ++p;
  return p;
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
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto equals = [&](char wanted) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted)); };
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i behind = _mm_sub_epi8(folded, _mm_set1_epi8('{'));  // braces: 0 to 2
    const __m128i braces = _mm_andnot_si128(
        equals('|'), _mm_cmpeq_epi8(_mm_min_epu8(behind, _mm_set1_epi8('}' - '{')), behind));
    const __m128i marks = _mm_or_si128(_mm_or_si128(equals('"'), equals(',')), equals(':'));
    const auto mask = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(controls, braces), marks)));
    if (mask != 0) return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  while (p < end && !is_bare_end(*p)) ++p;
  return p;
}

/// Whether the bytes from `p` on begin with the first `size` of the 32 bytes at `text`.
inline bool starts_with_padded(const char* p, const char* end, const char* text, size_t size) {
#if defined(__SSE2__)
  if (end - p >= 32) {
    const auto equal = [&](size_t at) {
      const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at));
      const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at));
      return static_cast<uint64_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(left, right)));
    };
    const uint64_t wanted = (uint64_t{1} << size) - 1;
    return ((equal(0) | equal(16) << 16) & wanted) == wanted;
  }
#endif
  return static_cast<size_t>(end - p) >= size && std::memcmp(p, text, size) == 0;
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

/// `p` is the byte after the opening quote.
inline QuotedString scan_quoted(const char* p, const char* end) {
  p = find_special(p, end);
  if (p == end) return {};
  if (*p == '"') return {p, false, false};
  if (*p == '\\') return scan_quoted_escapes(p, end);
  return {};
}

}  // namespace lastseen
