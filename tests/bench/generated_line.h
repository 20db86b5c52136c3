// One line of a generated log, in each of the formats that are measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// splitmix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  unsigned below(uint64_t bound) { return static_cast<unsigned>(next() % bound); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

struct Request {
  std::string_view method;
  std::string uri;
  std::string body;
  int64_t client = -1;  ///< -1: none
};

/// How large the bodies of a format are; those of tests/corpus are small, those of the log that
/// the peers were measured on large.
enum class BodySize { kNone, kSmall, kLarge };

struct LogFormat {
  std::string_view name;
  BodySize body;
  void (*append)(std::string& out, const Request& request, int64_t ms, Random& random);
};

/// Null for a name that no format has.
const LogFormat* find_log_format(std::string_view name);

/// The names, with `|` between.
std::string log_format_names();
