#include "parsers/json_line.h"
#include "parsers/local_time.h"
#include "parsers/log_format.h"
#include "parsers/logfmt.h"
#include "parsers/ltsv.h"
#include "parsers/parser.h"
#include "parsers/plugin_parser.h"
#include "parsers/regex_line.h"
#include "parsers/syslog.h"

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
      {"dialect", !settings.dialect.empty(), " log_format "},
      {"format", !settings.format.empty(), " log_format "},
      {"preset", !settings.preset.empty(), " log_format "},
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

using Made = Result<std::unique_ptr<Parser>>;

template <FieldNames::Usual usual>
Made make_json(const ParserSettings& settings, const ParserOptions& options) {
  return std::unique_ptr<Parser>(std::make_unique<JsonLineParser>(settings, options, usual));
}

template <class FlatParser>
Made make_flat(const ParserSettings& settings, const ParserOptions& options) {
  return std::unique_ptr<Parser>(std::make_unique<FlatParser>(settings, options));
}

Made make_preset(const ParserSettings& settings, const ParserOptions& options) {
  return LogFormatParser::make_preset(settings.type, options);
}

/// A new format is a line here.
struct ParserType {
  std::string_view name;
  FieldNames::Shape shape;
  Made (*make)(const ParserSettings&, const ParserOptions&);
};
constexpr FieldNames::Shape kFlat = FieldNames::Shape::kFlat;
constexpr FieldNames::Shape kNested = FieldNames::Shape::kNested;
constexpr ParserType kTypes[] = {
    {"json", kNested, make_json<FieldNames::Usual::kProxies>},
    {"combined", kFlat, make_preset},
    {"common", kFlat, make_preset},
    {"vhost_combined", kFlat, make_preset},
    {"log_format", kFlat, LogFormatParser::make},
    {"logfmt", kFlat, make_flat<LogfmtParser>},
    {"ltsv", kFlat, make_flat<LtsvParser>},
    {"ndjson", kNested, make_json<FieldNames::Usual::kFeed>},
    {"regex", kFlat, RegexLineParser::make},
    {"plugin", kFlat, PluginParser::make},
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
    Status status = FieldNames::check(settings, options.client_id, type.shape);
    if (!status) return status;
    Made parser = type.make(settings, options);
    if (parser && options.time_zone != "UTC") {
      Result<TimeZone> zone = TimeZone::load(options.time_zone);
      if (!zone) return Status::fatal("time_zone: " + zone.status().message());
      parser = Made(std::make_unique<LocalTimeParser>(std::move(*parser), std::move(*zone)));
    }
    if (!parser || !settings.syslog) return parser;
    return std::unique_ptr<Parser>(std::make_unique<SyslogParser>(std::move(*parser)));
  }
  return Status::fatal("unknown parser `" + settings.type + "`; there are: " + known);
}

}  // namespace lastseen
