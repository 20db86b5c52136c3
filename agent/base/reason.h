// The closed lists of reasons. One spelling each, the same in `why`, metrics, status and tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lastseen {

/// Why a line gave no sighting. Every line that is read and names no client has exactly one.
enum class SkipReason : uint8_t {
  kNoClientId,   ///< A good line of a request that names no client.
  kTooLong,      ///< The id has more than `client_id.length_max` code points.
  kInvalidUtf8,  ///< The id holds a NUL, a lone surrogate or bytes that are not UTF-8.
  kMalformed,    ///< The line is not of the format.
  kNoTime,       ///< The line names a client but holds no readable time.
  kLineTooLong,  ///< The line is longer than `line_bytes_max`; it was not kept.
  kTruncated,    ///< The value that would be the id is cut off.
  kNotAllowed,   ///< `client_id.pattern`, `status`, `new_per_second_max` or `insert` forbids it.
};
inline constexpr size_t kSkipReasons = 8;

/// Snake-case names, indexed by SkipReason.
inline constexpr std::array<std::string_view, kSkipReasons> kSkipReasonNames = {
    "no_client_id", "too_long",      "invalid_utf8", "malformed",
    "no_time",      "line_too_long", "truncated",    "not_allowed"};

inline std::string_view name_of(SkipReason reason) {
  return kSkipReasonNames[static_cast<size_t>(reason)];
}

/// Why lines or bytes that existed were never counted as sightings or skips.
enum class LossReason : uint8_t {
  kTruncated,      ///< A file was truncated before its end was read; a feed's record was cut.
  kDeleted,        ///< A file vanished while the agent was down, or could not be read in time.
  kHold,           ///< `hold.bytes` or `hold.age` was exceeded for a rotated or deleted file.
  kQueueFull,      ///< A feed's datagram or line found no room.
  kBufferFull,     ///< A feed's sighting found the dedup buffer full.
  kStoreWentBack,  ///< The store lost commits, and the bytes can not be read again.
};
inline constexpr size_t kLossReasons = 6;

/// Snake-case names, indexed by LossReason.
inline constexpr std::array<std::string_view, kLossReasons> kLossReasonNames = {
    "truncated", "deleted", "hold", "queue_full", "buffer_full", "store_went_back"};

inline std::string_view name_of(LossReason reason) {
  return kLossReasonNames[static_cast<size_t>(reason)];
}

}  // namespace lastseen
