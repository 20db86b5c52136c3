// The other end of the control socket, for `lastseen status`, `flush` and `top`: one request, one
// response, blocking.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "config/config.h"

namespace lastseen {

/// A response may be as large as this: /status of 100,000 files is about 15 MB.
inline constexpr size_t kReplyBytesMax = 64 * 1024 * 1024;
/// Enough for what the agent answers at once; a flush may need longer.
inline constexpr Milliseconds kReplyTimeoutMs = 10'000;

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string body;
};

/// Sends one request to the agent behind `socket_path` and waits `timeout_ms` at most (kNever:
/// as long as it takes). Any HTTP status is a reply; it is an error when there is none: kNotFound
/// when no agent listens there, kRetry when it does not answer, kFatal when it may not be asked
/// (permission) or does not speak HTTP. Messages say what to do.
Result<HttpReply> ask_agent(const std::string& socket_path, std::string_view method,
                            std::string_view target, Milliseconds timeout_ms, const Clock& clock);

/// Asks for a body without an end and hands it out in pieces, until `take` returns false; status
/// 200 and an empty `body` then. When the agent ends it, `body` says so. Any other status is a
/// whole reply, and errors are those of ask_agent().
Result<HttpReply> stream_from_agent(const std::string& socket_path, std::string_view target,
                                    const Clock& clock,
                                    const std::function<bool(std::string_view)>& take);

/// Reads a response from the bytes so far. nullopt: more are needed; `at_end` says that none will
/// come. Understands Content-Length, chunked and bodies that end with the connection.
Result<std::optional<HttpReply>> parse_reply(std::string_view bytes, bool at_end);

}  // namespace lastseen
