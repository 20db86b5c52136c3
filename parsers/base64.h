// Base64 (RFC 4648), as HAProxy's `base64` and JSON Web Tokens write it.
#pragma once

#include <string>
#include <string_view>

namespace lastseen {

/// Replaces `out` by the bytes. Takes either alphabet (`+/` and `-_`), with or without padding.
/// False when the text is nothing of the kind.
bool decode_base64(std::string_view text, std::string* out);

}  // namespace lastseen
