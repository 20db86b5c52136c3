// Any bytes as a time: in range or refused, and no more digits than there are may change it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "parsers/timestamp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto ms :
       {lastseen::parse_timestamp(text), lastseen::parse_epoch(text), lastseen::parse_iso8601(text),
        lastseen::parse_clf_time(text), lastseen::parse_wall_time(text)}) {
    CHECK(!ms || (*ms >= 0 && *ms <= 253'402'300'799'999));
  }
  const bool bare_digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (const auto ms = lastseen::parse_epoch(text); ms && bare_digits) {
    CHECK(ms == lastseen::parse_epoch(text + ".0009"));
  }
  return 0;
}
