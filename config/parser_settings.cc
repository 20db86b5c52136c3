#include "config/parser_settings.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/regex.h"
#include "config/values.h"

namespace lastseen {
namespace {

constexpr std::array<std::string_view, 10> kTypes = {
    "json",   "combined", "common", "vhost_combined", "log_format",
    "logfmt", "ltsv",     "ndjson", "regex",          "plugin"};
constexpr std::array<std::string_view, 4> kDialects = {"nginx", "apache", "envoy", "haproxy"};
constexpr std::array<std::string_view, 1> kLogFormat = {"log_format"};

constexpr std::array<std::string_view, 5> kNamedFields = {"json", "logfmt", "ltsv", "ndjson",
                                                          "regex"};
constexpr std::array<std::string_view, 1> kRegex = {"regex"};
constexpr std::array<std::string_view, 1> kPlugin = {"plugin"};

/// A key that only some types have. `type` empty: it is not known.
void check_key(Mapping& map, std::string_view key, const std::string& type,
               std::span<const std::string_view> types) {
  if (type.empty() || !map.has(key)) return;
  if (std::find(types.begin(), types.end(), type) != types.end()) return;
  map.error(key, "'" + std::string(key) + "' is for parser '" + std::string(types[0]) + "'" +
                     (types.size() == 1 ? "" : " (also " + joined(types.subspan(1)) + ")") + "; '" +
                     type + "' has no such key");
}

/// The names of the fields that matter.
void read_names(Mapping& map, const std::string& type, ParserSettings& parser) {
  struct Field {
    std::string_view key;
    std::string& out;
  };
  for (Field field :
       {Field{"time", parser.time}, Field{"uri", parser.uri}, Field{"body", parser.body}}) {
    read_not_empty(map, field.key, field.out);
    check_key(map, field.key, type, kNamedFields);
  }
  for (const PlacedText& name : map.texts("base64")) {
    if (name.text.empty()) map.error(name.place, "'base64' holds an empty name");
    parser.base64.push_back(name.text);
  }
  check_key(map, "base64", type, kNamedFields);
}

/// The keys of `log_format`. Whether the format can be read, its parser says.
void read_log_format(Mapping& map, const std::string& type, ParserSettings& parser) {
  const Chosen dialect = map.choose("dialect", kDialects, {});
  if (dialect.has_index()) parser.dialect = kDialects[dialect.index];
  map.text_as_written("format", parser.format);
  read_not_empty(map, "preset", parser.preset);
  for (const char* key : {"dialect", "format", "preset"}) check_key(map, key, type, kLogFormat);
  if (type != "log_format") return;
  map.require("dialect", "whose format it is: " + joined(kDialects));
  if (map.has("format") && map.has("preset")) {
    map.error("preset", "'preset' is a format by name; give it or 'format', not both");
  } else if (!map.has("preset")) {
    map.require("format", "the format string from the proxy's configuration, or a 'preset'");
  }
  if (map.has("format") && parser.format.empty()) map.error("format", "'format' must not be empty");
}

void read_regex(Mapping& map, const std::string& type, ParserSettings& parser) {
  const bool given = map.text_as_written("regex", parser.regex);
  check_key(map, "regex", type, kRegex);
  map.choice<bool>("escaped", {{"true", true}, {"false", false}}, parser.escaped);
  check_key(map, "escaped", type, kRegex);
  if (type != "regex") return;
  map.require("regex", "an expression (RE2) with groups such as (?P<client_id>[a-z]+)");
  if (!given) return;
  const Result<Regex> regex = Regex::compile(parser.regex);
  if (!regex) {
    map.error("regex", "'regex' is no regular expression (RE2): " + regex.status().message());
    return;
  }
  const std::vector<std::string>& names = regex->group_names();
  if (std::all_of(names.begin(), names.end(), [](const auto& name) { return name.empty(); })) {
    map.error("regex",
              "'regex' has no group with a name; write (?P<client_id>...), and likewise "
              "uri, body and time");
  }
}

}  // namespace

std::span<const std::string_view> parser_type_names() {
  return kTypes;
}

bool read_not_empty(Mapping& map, std::string_view key, std::string& out) {
  if (!map.text(key, out)) return false;
  if (!out.empty()) return true;
  map.error(key, "'" + std::string(key) + "' must not be empty");
  return false;
}

void read_parser(Mapping map, ParserSettings& parser) {
  map.require("type", "which parser: " + joined(kTypes));
  const Chosen type = map.choose("type", kTypes, {});
  // The keys of an unknown parser are unknown too: one error is enough. And `format` and `regex`
  // must stay as they are written: an nginx format has its own ${var}.
  if (map.has("type") && !type.has_index()) return;
  if (type.has_index()) parser.type = kTypes[type.index];
  read_names(map, parser.type, parser);
  read_log_format(map, parser.type, parser);
  read_regex(map, parser.type, parser);
  if (parser.type == "plugin") map.require("path", "the shared object, /usr/lib/.../plugin.so");
  read_not_empty(map, "path", parser.path);
  check_key(map, "path", parser.type, kPlugin);
  map.choice<bool>("syslog", {{"false", false}, {"true", true}}, parser.syslog);
  map.text("options", parser.options);
  check_key(map, "options", parser.type, kPlugin);
  map.finish();
}

}  // namespace lastseen
