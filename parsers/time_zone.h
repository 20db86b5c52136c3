// Local times become UTC: what a format without an offset needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace lastseen {

/// The offsets of one place, past and future, read once from the system's zone files (RFC 8536).
class TimeZone {
 public:
  /// UTC.
  TimeZone() = default;

  /// "UTC", "local" (TZ, else /etc/localtime) or a name like "America/Santiago". kNotFound when
  /// there is no such zone on this machine, kFatal when its file is none.
  static Result<TimeZone> load(const std::string& name);

  /// From the bytes of a zone file; nothing when it is none.
  static std::optional<TimeZone> read(std::string_view file);

  struct Utc {
    int64_t ms = 0;
    /// Not 0: the clock was set back, and the same local time was so much earlier for the first
    /// time. `ms` is the later one; whoever knows the time now rules out what lies in the future.
    int64_t fold_ms = 0;
  };
  /// `local_ms`: the local time as if it were UTC. A time that a change skipped is read with the
  /// offset before it.
  Utc to_utc(int64_t local_ms) const;

 private:
  struct Change {
    int64_t at_s = 0;  // UTC
    int64_t offset_s = 0;
  };

  int64_t offset_at(int64_t utc_s) const;
  bool extend(std::string_view rule);

  int64_t first_offset_s_ = 0;
  std::vector<Change> changes_;  // in order
};

}  // namespace lastseen
