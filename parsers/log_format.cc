#include "parsers/log_format.h"

#include <optional>
#include <utility>

#include "parsers/format_dialect.h"
#include "parsers/format_text.h"

namespace lastseen {
namespace {

struct Preset {
  std::string_view name;
  Dialect dialect;
  std::string_view format;
};

// Apache's spelling of the first three serves nginx too: both escape by backslashes and write `-`.
// HAProxy's is that of `option httplog`, from section 8.2.3 of its manual; Envoy's is its default.
constexpr Preset kPresets[] = {
    {"combined", Dialect::kApache, R"(%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i")"},
    {"common", Dialect::kApache, R"(%h %l %u %t "%r" %>s %b)"},
    {"vhost_combined", Dialect::kApache,
     R"(%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-agent}i")"},
    {"httplog", Dialect::kHaproxy,
     "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq "
     "%hr %hs %{+Q}r"},
    {"default", Dialect::kEnvoy,
     R"([%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" )"
     R"(%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% )"
     R"(%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" )"
     R"("%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%")"},
};

/// nginx has `combined` of its own, and both web servers have the same.
bool has_preset(Dialect dialect, const Preset& preset) {
  return preset.dialect == dialect ||
         (dialect == Dialect::kNginx && preset.dialect == Dialect::kApache);
}

Result<FormatParts> read_format(Dialect dialect, const FormatText& text) {
  switch (dialect) {
    case Dialect::kNginx:
      return read_nginx_format(text);
    case Dialect::kApache:
      return read_apache_format(text);
    case Dialect::kEnvoy:
      return read_envoy_format(text);
    case Dialect::kHaproxy:
      break;
  }
  return read_haproxy_format(text);
}

/// `preset`: the name of the format where it is built in.
Result<std::unique_ptr<Parser>> make_scanner(Dialect dialect, std::string_view format,
                                             std::string_view preset,
                                             const ParserOptions& options) {
  Result<FormatText> text = read_format_text(dialect, format);
  if (!text) return text.status();
  Result<FormatParts> parts = read_format(dialect, *text);
  if (!parts) return parts.status();
  FormatScanner::Options scanner_options;
  scanner_options.more_may_follow = !preset.empty();
  scanner_options.may_be_cut = dialect == Dialect::kHaproxy;
  const FieldNames names({}, options.client_id, FieldNames::Shape::kFlat);
  Result<FormatScanner> scanner =
      FormatScanner::compile(*parts, scanner_options, names, text->configured);
  if (!scanner) return scanner.status();
  return std::unique_ptr<Parser>(
      std::make_unique<LogFormatParser>(preset, std::move(*scanner), options));
}

LoggedText logged_text(const NeededField& field, const ScannedLine::Value& value) {
  if (field.escape == FieldEscape::kBackslash) {
    // Word by word, as it was written just now: a copy of both words would wait for the writes.
    return {{value.raw.data(), value.raw.size()}, value.escaped, value.other_escapes};
  }
  const bool is_json = field.may_be_json && value.raw.size() >= 2 && value.raw.front() == '"' &&
                       value.raw.back() == '"';
  if (is_json) return {value.raw.substr(1, value.raw.size() - 2), true, true};
  return {value.raw, false, false};
}

}  // namespace

Result<std::unique_ptr<Parser>> LogFormatParser::make(const ParserSettings& settings,
                                                      const ParserOptions& options) {
  const std::optional<Dialect> dialect = dialect_of(settings.dialect);
  if (!dialect) {
    return Status::fatal("log_format: `dialect` must be nginx, apache, envoy or haproxy");
  }
  if (settings.format.empty() == settings.preset.empty()) {
    return Status::fatal("log_format: give either a `format` or a `preset`");
  }
  if (!settings.format.empty()) return make_scanner(*dialect, settings.format, "", options);
  std::string known;
  for (const Preset& preset : kPresets) {
    if (!has_preset(*dialect, preset)) continue;
    if (preset.name == settings.preset) {
      return make_scanner(preset.dialect, preset.format, preset.name, options);
    }
    known.append(known.empty() ? "" : ", ").append(preset.name);
  }
  return Status::fatal("log_format: there is no preset `" + settings.preset + "` of " +
                       settings.dialect + "; there are: " + known);
}

Result<std::unique_ptr<Parser>> LogFormatParser::make_preset(std::string_view name,
                                                             const ParserOptions& options) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name)
      return make_scanner(preset.dialect, preset.format, preset.name, options);
  }
  return Status::fatal("log_format: there is no preset `" + std::string(name) + "`");
}

LogFormatParser::LogFormatParser(std::string_view preset, FormatScanner scanner,
                                 const ParserOptions& options)
    : preset_(preset), scanner_(std::move(scanner)), rules_(options) {}

ParseResult LogFormatParser::parse(std::string_view line) {
  ParseResult result;
  outcome_ = scanner_.scan(line, &line_);
  good_ = false;
  if (outcome_ == FormatScanner::Outcome::kMalformed) return result;
  if (const std::optional<int64_t> ms = line_.time.to_ms()) {
    result.has_time = true;
    result.seen_at_ms = *ms;
    result.local_time = line_.time.is_local();
  }
  good_ = keep_fields();
  if (good_) rules_.find_id(fields_, &result);
  return result;
}

void LogFormatParser::explain(Explanation* out) {
  out->parser = preset_.empty() ? "log_format" : "log_format, preset " + preset_;
  if (outcome_ == FormatScanner::Outcome::kMalformed) {
    out->misfit = line_.misfit;
    return;
  }
  if (outcome_ == FormatScanner::Outcome::kCut) out->note = "the line was cut off, or broken";
  if (!good_) out->note = "a field holds the text that separates it from the one before";
  if (line_.time_text.empty()) {
    out->asked.push_back({"time", "the format has none", "", {}});
  } else {
    const bool readable = line_.time.to_ms().has_value();
    out->asked.push_back(
        {"time", readable ? "gives the time" : "there is no such time", "", line_.time_text});
  }
  const auto name_of = [this](uint8_t slot, uint8_t rank) {
    for (const NeededField& field : scanner_.needed()) {
      for (const FieldUse& use : field.uses) {
        if (use.slot == slot && use.rank == rank) return field.name;
      }
    }
    return std::string();
  };
  rules_.explain(fields_, good_, name_of, out);
}

/// False where a value may have taken part of its neighbours.
bool LogFormatParser::keep_fields() {
  fields_.clear();
  for (size_t i = 0; i < scanner_.needed().size(); ++i) {
    const NeededField& field = scanner_.needed()[i];
    if (!line_.has(i)) {
      // Captures may be absent from a whole line.
      if (field.shape != FieldShape::kCaptures) fields_.set_cut();
      continue;
    }
    const ScannedLine::Value& value = line_.values[i];
    if (!field.separator.empty() && value.raw.find(field.separator) != value.raw.npos) return false;
    const bool is_set = !value.raw.empty() && value.raw != "-";
    if (!is_set && !value.cut) continue;
    const LoggedText text = logged_text(field, value);
    for (const FieldUse& use : field.uses) {
      fields_.set_one(use, FieldValue::Kind::kText, text, value.cut);
    }
  }
  return true;
}

}  // namespace lastseen
