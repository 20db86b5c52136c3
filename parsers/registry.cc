#include "parsers/json_line.h"
#include "parsers/log_format.h"
#include "parsers/parser.h"
#include "parsers/syslog.h"

namespace lastseen {
namespace {

/// Not ok when one of the options that only `json` has is set.
Status check_no_member_names(const ParserSettings& settings) {
  if (settings.time.empty() && settings.uri.empty() && settings.body.empty()) return Status::ok();
  const char* const option = !settings.time.empty() ? "time"
                             : settings.uri.empty() ? "body"
                                                    : "uri";
  return Status::fatal("parser `" + settings.type + "` has no option `" + option +
                       "`: only `json` has");
}

/// Not ok when one of the options that only `log_format` has is set.
Status check_format_options(const ParserSettings& settings) {
  const bool none = settings.dialect.empty() && settings.format.empty() && settings.preset.empty();
  if (none || settings.type == "log_format") return Status::ok();
  const char* const option = !settings.format.empty()  ? "format"
                             : settings.preset.empty() ? "dialect"
                                                       : "preset";
  return Status::fatal("parser `" + settings.type + "` has no option `" + option +
                       "`: only `log_format` has");
}

Result<std::unique_ptr<Parser>> make_json(const ParserSettings& settings,
                                          const ParserOptions& options) {
  if (Status status = JsonMemberNames::check(settings); !status) return status;
  return std::unique_ptr<Parser>(std::make_unique<JsonLineParser>(settings, options));
}

Result<std::unique_ptr<Parser>> make_log_format(const ParserSettings& settings,
                                                const ParserOptions& options) {
  if (Status status = check_no_member_names(settings); !status) return status;
  return LogFormatParser::make(settings, options);
}

Result<std::unique_ptr<Parser>> make_preset(const ParserSettings& settings,
                                            const ParserOptions& options) {
  if (Status status = check_no_member_names(settings); !status) return status;
  return LogFormatParser::make_preset(settings.type, options);
}

/// A new format is a line here.
struct ParserType {
  std::string_view name;
  Result<std::unique_ptr<Parser>> (*make)(const ParserSettings&, const ParserOptions&);
};
constexpr ParserType kTypes[] = {
    {"json", make_json},
    {"combined", make_preset},
    {"common", make_preset},
    {"vhost_combined", make_preset},
    {"log_format", make_log_format},
};

}  // namespace

const std::vector<std::string_view>& parser_types() {
  static const std::vector<std::string_view> types = [] {
    std::vector<std::string_view> names;
    for (const ParserType& type : kTypes) names.push_back(type.name);
    return names;
  }();
  return types;
}

Result<std::unique_ptr<Parser>> make_parser(const ParserSettings& settings,
                                            const ParserOptions& options) {
  std::string known;
  for (const ParserType& type : kTypes) {
    if (type.name == settings.type) {
      if (Status status = check_format_options(settings); !status) return status;
      Result<std::unique_ptr<Parser>> parser = type.make(settings, options);
      if (!parser || !settings.syslog) return parser;
      return std::unique_ptr<Parser>(std::make_unique<SyslogParser>(std::move(*parser)));
    }
    known.append(known.empty() ? "" : ", ").append(type.name);
  }
  return Status::fatal("unknown parser `" + settings.type + "`; there are: " + known);
}

}  // namespace lastseen
