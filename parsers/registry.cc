#include "parsers/json_line.h"
#include "parsers/log_format.h"
#include "parsers/logfmt.h"
#include "parsers/ltsv.h"
#include "parsers/parser.h"
#include "parsers/plugin_parser.h"
#include "parsers/regex_line.h"

namespace lastseen {
namespace {

/// An option that only some types have.
struct Option {
  std::string_view name;
  bool is_set;
  std::string_view types;  ///< With a blank before and behind each.
};

/// Not ok when an option is set that the type does not have.
Status check_options(const ParserSettings& settings) {
  constexpr std::string_view kNamed = " json logfmt ltsv ndjson regex ";
  const Option options[] = {
      {"time", !settings.time.empty(), kNamed},
      {"uri", !settings.uri.empty(), kNamed},
      {"body", !settings.body.empty(), kNamed},
      {"base64", !settings.base64.empty(), kNamed},
      {"regex", !settings.regex.empty(), " regex "},
      {"escaped", settings.escaped, " regex "},
      {"path", !settings.path.empty(), " plugin "},
      {"options", !settings.options.empty(), " plugin "},
  };
  for (const Option& option : options) {
    if (!option.is_set || option.types.find(" " + settings.type + " ") != option.types.npos) {
      continue;
    }
    return Status::fatal("parser `" + settings.type + "` has no option `" +
                         std::string(option.name) + "`; these have:" + std::string(option.types));
  }
  return Status::ok();
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

/// A format whose fields have names, but no structure.
template <class FlatParser>
Result<std::unique_ptr<Parser>> make_flat(const ParserSettings& settings,
                                          const ParserOptions& options) {
  constexpr FieldNames::Shape kShape = FieldNames::Shape::kFlat;
  if (Status status = FieldNames::check(settings, options.client_id, kShape); !status) {
    return status;
  }
  return std::unique_ptr<Parser>(std::make_unique<FlatParser>(settings, options));
}

template <LogFormatParser::Preset preset>
Result<std::unique_ptr<Parser>> make_log_format(const ParserSettings& settings,
                                                const ParserOptions& options) {
  constexpr FieldNames::Shape kShape = FieldNames::Shape::kFlat;
  if (Status status = FieldNames::check(settings, options.client_id, kShape); !status) {
    return status;
  }
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
    {"logfmt", make_flat<LogfmtParser>},
    {"ltsv", make_flat<LtsvParser>},
    {"ndjson", make_json<FieldNames::Usual::kFeed>},
    {"regex", RegexLineParser::make},
    {"plugin", PluginParser::make},
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
    if (type.name != settings.type) {
      known.append(known.empty() ? "" : ", ").append(type.name);
      continue;
    }
    if (Status status = check_options(settings); !status) return status;
    return type.make(settings, options);
  }
  return Status::fatal("unknown parser `" + settings.type + "`; there are: " + known);
}

}  // namespace lastseen
