#include "parsers/base64.h"

#include <array>
#include <cstdint>

namespace lastseen {
namespace {

constexpr uint8_t kNone = 0xff;

/// The value of each byte in either alphabet.
constexpr std::array<uint8_t, 256> make_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  values['-'] = values['+'];
  values['_'] = values['/'];
  return values;
}
constexpr std::array<uint8_t, 256> kValues = make_values();

}  // namespace

bool decode_base64(std::string_view text, std::string* out) {
  out->clear();
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;  // six bits are no byte
  out->reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const uint8_t value = kValues[static_cast<unsigned char>(c)];
    if (value == kNone) return false;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out->push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  return true;
}

}  // namespace lastseen
