#include "control/printable.h"

#include <cstdint>

namespace lastseen {

namespace {

struct Lead {
  size_t length;           // bytes of the whole sequence; 0: not the first byte of one
  uint32_t bits;           // payload of the first byte
  uint32_t code_at_least;  // smaller code points would be overlong (RFC 3629, section 3)
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if ((byte & 0xE0) == 0xC0) return {2, byte & 0x1Fu, 0x80};
  if ((byte & 0xF0) == 0xE0) return {3, byte & 0x0Fu, 0x800};
  if ((byte & 0xF8) == 0xF0) return {4, byte & 0x07u, 0x10000};
  return {0, 0, 0};
}

bool is_printable(uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;  // C0, DEL and C1 controls
  if (code == 0x2028 || code == 0x2029) return false;              // line and paragraph separator
  return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

// Bytes of the printable character that `bytes` begins with; 0: there is none.
size_t printable_length(std::string_view bytes) {
  const Lead lead = lead_of(static_cast<unsigned char>(bytes[0]));
  if (lead.length == 0 || lead.length > bytes.size()) return 0;
  uint32_t code = lead.bits;
  for (size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if ((byte & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte & 0x3Fu);
  }
  return code >= lead.code_at_least && is_printable(code) ? lead.length : 0;
}

}  // namespace

std::string printable(std::string_view bytes) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = printable_length(bytes);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(bytes[0]);
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xF]};
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace lastseen
