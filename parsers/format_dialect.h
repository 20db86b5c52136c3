// One reader per dialect: from a format string to its parts. They know the fields by name, what
// each is good for, what it can look like, and how the proxy escapes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "parsers/format_field.h"
#include "parsers/format_text.h"

namespace lastseen {

Result<FormatParts> read_nginx_format(const FormatText& format);
Result<FormatParts> read_apache_format(const FormatText& format);
Result<FormatParts> read_envoy_format(const FormatText& format);
Result<FormatParts> read_haproxy_format(const FormatText& format);

/// `nginx`, `apache`, `envoy` or `haproxy`.
std::optional<Dialect> dialect_of(std::string_view name);

/// What the name of a field that the operator made up says of its role: `client_id`,
/// `body_client_id`, `request_body`, `uri` …
FieldRole role_of_name(std::string_view name);

/// KIND.NAME, in small letters and with `_` for `-`: as FormatField::name has it.
std::string field_name(std::string_view kind, std::string_view name);

bool is_name_character(char c);

}  // namespace lastseen
