#include "parsers/regex_line.h"

#include <utility>

#include "parsers/utf8.h"

namespace lastseen {
namespace {

/// The group `uri` may hold a target, a query or a request line.
ParserSettings with_uri(ParserSettings settings) {
  if (settings.uri.empty()) settings.uri = "uri";
  return settings;
}

}  // namespace

Result<std::unique_ptr<Parser>> RegexLineParser::make(const ParserSettings& settings,
                                                      const ParserOptions& options) {
  if (settings.regex.empty()) return Status::fatal("regex: the option `regex` is missing");
  Result<Regex> regex = Regex::compile(settings.regex);
  if (!regex) return Status::fatal("regex: " + regex.status().message());
  std::optional<Regex> for_bytes;
  if (Result<Regex> bytes = Regex::compile(settings.regex, Regex::Unit::kByte)) {
    for_bytes.emplace(*std::move(bytes));  // it fails for \p{L} and its like
  }
  auto parser =
      std::make_unique<RegexLineParser>(*std::move(regex), std::move(for_bytes), settings, options);
  if (Status status = parser->check_groups(); !status) return status;
  return std::unique_ptr<Parser>(std::move(parser));
}

RegexLineParser::RegexLineParser(Regex regex, std::optional<Regex> for_bytes,
                                 const ParserSettings& settings, const ParserOptions& options)
    : regex_(std::move(regex)),
      for_bytes_(std::move(for_bytes)),
      escaped_(settings.escaped),
      names_(with_uri(settings), options.client_id, FieldNames::Shape::kFlat),
      groups_(regex_.group_names().size()),
      rules_(options) {
  for (const std::string& name : regex_.group_names()) uses_.push_back(names_.find(name));
}

Status RegexLineParser::check_groups() const {
  bool any = false;
  for (size_t i = 0; i < uses_.size(); ++i) {
    const std::string& name = regex_.group_names()[i];
    if (name.empty()) continue;
    if (uses_[i] == nullptr) {
      return Status::fatal("regex: nothing is read from a group named `" + name +
                           "`; the usual names are client_id, uri, body and time");
    }
    any |= uses_[i]->slot != LineFields::kTime && uses_[i]->slot != LineFields::kStatus;
  }
  if (any) return Status::ok();
  return Status::fatal("regex: no group could give an id; name one (?P<client_id>…), uri or body");
}

ParseResult RegexLineParser::parse(std::string_view line) {
  fields_.clear();
  ParseResult result;
  good_ = regex_.find(line, &groups_) ||
          (for_bytes_ && !count_code_points(line) && for_bytes_->find(line, &groups_));
  if (!good_) return result;
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (uses_[i] == nullptr || groups_[i].data() == nullptr) continue;
    fields_.set(*uses_[i], FieldValue::Kind::kText, {groups_[i], escaped_, escaped_});
  }
  rules_.find_time(fields_, &result);
  rules_.find_id(fields_, &result);
  return result;
}

void RegexLineParser::explain(Explanation* out) {
  out->parser = "regex";
  if (!good_) out->note = "the expression does not match";
  rules_.explain(
      fields_, good_, [this](uint8_t slot, uint8_t rank) { return names_.name_of(slot, rank); },
      out);
}

}  // namespace lastseen
