#include "parsers/json_line.h"
#include "parsers/log_format.h"
#include "parsers/parser.h"

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

template <FieldNames::Usual usual>
Result<std::unique_ptr<Parser>> make_json(const ParserSettings& settings,
                                          const ParserOptions& options) {
  constexpr FieldNames::Shape kShape = FieldNames::Shape::kNested;
  if (Status status = FieldNames::check(settings, options.client_id, kShape); !status) {
    return status;
  }
  return std::unique_ptr<Parser>(std::make_unique<JsonLineParser>(settings, options, usual));
}

template <LogFormatParser::Preset preset>
Result<std::unique_ptr<Parser>> make_log_format(const ParserSettings& settings,
                                                const ParserOptions& options) {
  if (Status status = check_no_member_names(settings); !status) return status;
  return std::unique_ptr<Parser>(std::make_unique<LogFormatParser>(preset, options));
}

/// A new format is a line here.
struct ParserType {
  std::string_view name;
  Result<std::unique_ptr<Parser>> (*make)(const ParserSettings&, const ParserOptions&);
};
constexpr ParserType kTypes[] = {
    {"json", make_json<FieldNames::Usual::kProxies>},
    {"combined", make_log_format<LogFormatParser::Preset::kCombined>},
    {"common", make_log_format<LogFormatParser::Preset::kCommon>},
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
  if (Status status = SightingRules::check(options); !status) return status;
  for (const ParserType& type : kTypes) {
    if (type.name == settings.type) return type.make(settings, options);
    known.append(known.empty() ? "" : ", ").append(type.name);
  }
  return Status::fatal("unknown parser `" + settings.type + "`; there are: " + known);
}

}  // namespace lastseen
