#include "parsers/log_format.h"

#include <algorithm>
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

Result<std::unique_ptr<Parser>> make_scanner(Dialect dialect, std::string_view format,
                                             bool is_preset, const ParserOptions& options) {
  Result<FormatText> text = read_format_text(dialect, format);
  if (!text) return text.status();
  Result<FormatParts> parts = read_format(dialect, *text);
  if (!parts) return parts.status();
  FormatScanner::Options scanner_options;
  scanner_options.more_may_follow = is_preset;
  scanner_options.may_be_cut = dialect == Dialect::kHaproxy;
  Result<FormatScanner> scanner = FormatScanner::compile(*parts, scanner_options, text->configured);
  if (!scanner) return scanner.status();
  return std::unique_ptr<Parser>(std::make_unique<LogFormatParser>(std::move(*scanner), options));
}

/// The place of a role in the order in which fields are asked for the id.
int preference(FieldRole role) {
  switch (role) {
    case FieldRole::kBody:
      return 0;
    case FieldRole::kClientId:
      return 1;
    case FieldRole::kTarget:
      return 2;
    case FieldRole::kQuery:
      return 3;
    case FieldRole::kQueryValue:
      return 4;
    default:
      return 5;
  }
}

std::string_view origin_of(FieldRole role) {
  if (role == FieldRole::kBody) return "body";
  return role == FieldRole::kClientId ? "field" : "query";
}

IdAnswer truncated() {
  return {IdAnswer::State::kTruncated, SkipReason::kTruncated, {}};
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
  if (!settings.format.empty()) return make_scanner(*dialect, settings.format, false, options);
  std::string known;
  for (const Preset& preset : kPresets) {
    if (!has_preset(*dialect, preset)) continue;
    if (preset.name == settings.preset) {
      return make_scanner(preset.dialect, preset.format, true, options);
    }
    known.append(known.empty() ? "" : ", ").append(preset.name);
  }
  return Status::fatal("log_format: there is no preset `" + settings.preset + "` of " +
                       settings.dialect + "; there are: " + known);
}

Result<std::unique_ptr<Parser>> LogFormatParser::make_preset(std::string_view name,
                                                             const ParserOptions& options) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return make_scanner(preset.dialect, preset.format, true, options);
  }
  return Status::fatal("log_format: there is no preset `" + std::string(name) + "`");
}

LogFormatParser::LogFormatParser(FormatScanner scanner, const ParserOptions& options)
    : scanner_(std::move(scanner)), options_(options), rules_(options.client_id_length_max) {
  for (size_t i = 0; i < scanner_.needed().size(); ++i) order_.push_back(i);
  std::stable_sort(order_.begin(), order_.end(), [this](size_t a, size_t b) {
    return preference(scanner_.needed()[a].role) < preference(scanner_.needed()[b].role);
  });
}

ParseResult LogFormatParser::parse(std::string_view line) {
  ParseResult result;
  const FormatScanner::Outcome outcome = scanner_.scan(line, &line_);
  if (outcome == FormatScanner::Outcome::kMalformed) return result;
  if (const std::optional<int64_t> ms = line_.time.to_ms()) {
    result.has_time = true;
    result.seen_at_ms = *ms;
  }
  const Answer answer = find_id();
  if (answer.ambiguous) return result;
  result.origin = answer.origin;
  set_answer(answer.id, options_, &result);
  return result;
}

/// Body, then the proxy's own field, then the query: the first that decides.
LogFormatParser::Answer LogFormatParser::find_id() {
  Answer answer;
  bool cut = false;
  for (const size_t index : order_) {
    const NeededField& field = scanner_.needed()[index];
    if (!line_.has(index)) {
      cut |= field.shape != FieldShape::kCaptures;  // captures may be absent from a whole line
      continue;
    }
    const ScannedLine::Value& value = line_.values[index];
    if (!field.separator.empty() && value.raw.find(field.separator) != value.raw.npos) {
      answer.ambiguous = true;
      return answer;
    }
    answer.id = read_field(field, value);
    answer.origin = origin_of(field.role);
    if (answer.id.decides()) return answer;
    cut |= answer.id.state == IdAnswer::State::kTruncated;
  }
  answer.id = cut ? truncated() : IdAnswer{};
  return answer;
}

LoggedText LogFormatParser::logged_text(const NeededField& field, const ScannedLine::Value& value) {
  if (field.escape == FieldEscape::kBackslash) {
    return {value.raw, value.escaped, value.other_escapes};
  }
  if (field.escape == FieldEscape::kHash && value.raw.find('#') != value.raw.npos) {
    unescape_hashes(value.raw, &plain_);
    return {plain_, false, false};
  }
  const bool is_json = field.may_be_json && value.raw.size() >= 2 && value.raw.front() == '"' &&
                       value.raw.back() == '"';
  if (is_json) return {value.raw.substr(1, value.raw.size() - 2), true, true};
  return {value.raw, false, false};
}

IdAnswer LogFormatParser::read_field(const NeededField& field, const ScannedLine::Value& value) {
  if (field.shape == FieldShape::kCaptures) return read_captures(value.raw, value.cut);
  const LoggedText text = logged_text(field, value);
  switch (field.role) {
    case FieldRole::kBody:
      return read_body(text, value.cut);
    case FieldRole::kClientId:
      return value.cut ? truncated() : rules_.from_field(text);
    case FieldRole::kRequestLine:
      return rules_.from_request_line(text);  // which sees for itself that it is cut
    default:
      return read_target(field, text, value.cut);
  }
}

/// Where the line ends behind a `}`, a line break may have stood, and more records after it: the
/// id may be that of the first record only.
IdAnswer LogFormatParser::read_body(const LoggedText& body, bool cut) {
  const IdAnswer answer = rules_.from_body(body);
  if (!cut || !answer.decides()) return answer;
  const size_t last = body.raw.find_last_not_of(" \t\r");
  return last != body.raw.npos && body.raw[last] == '}' ? truncated() : answer;
}

/// Any of the captured values may be the body: it is one if it is a JSON object.
IdAnswer LogFormatParser::read_captures(std::string_view captures, bool cut) {
  IdAnswer result;
  for (;;) {
    const size_t bar = captures.find('|');
    const bool last = bar == captures.npos;
    unescape_hashes(captures.substr(0, bar), &plain_);
    const IdAnswer answer = read_body({plain_, false, false}, cut && last);
    if (answer.decides()) return answer;
    if (answer.state == IdAnswer::State::kTruncated) result = answer;
    if (last) return result;
    captures.remove_prefix(bar + 1);
  }
}

IdAnswer LogFormatParser::read_target(const NeededField& field, const LoggedText& target,
                                      bool cut) {
  if (field.role == FieldRole::kQueryValue) {
    if (cut) return truncated();
    if (target.raw == "-") return {};
    request_.assign("client_id=").append(target.raw);
    return rules_.from_query({request_, target.escaped, target.other_escapes});
  }
  if (!cut) {
    return field.role == FieldRole::kQuery ? rules_.from_query(target) : rules_.from_target(target);
  }
  // The rules for a request line without a protocol are those for a target that is cut off.
  const bool bare_query = field.role == FieldRole::kQuery && !target.raw.starts_with('?');
  request_.assign(bare_query ? "GET ?" : "GET ").append(target.raw);
  return rules_.from_request_line({request_, target.escaped, target.other_escapes});
}

}  // namespace lastseen
