#include "base/regex.h"

#include <re2/re2.h>

#include <utility>

namespace lastseen {

Result<Regex> Regex::compile(const std::string& pattern, Unit unit) {
  re2::RE2::Options options(re2::RE2::Quiet);
  if (unit == Unit::kByte) options.set_encoding(re2::RE2::Options::EncodingLatin1);
  auto compiled = std::make_unique<re2::RE2>(pattern, options);
  if (!compiled->ok()) return Status::fatal(compiled->error());
  if (compiled->NumberOfCapturingGroups() > static_cast<int>(kGroupsMax))
    return Status::fatal("more than 64 groups; (?:...) is a group that keeps nothing");
  return Regex(std::move(compiled));
}

Regex::Regex(std::unique_ptr<re2::RE2> compiled)
    : compiled_(std::move(compiled)),
      group_names_(static_cast<size_t>(compiled_->NumberOfCapturingGroups())) {
  for (const auto& [name, number] : compiled_->NamedCapturingGroups()) {
    group_names_[static_cast<size_t>(number) - 1] = name;
  }
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

bool Regex::matches_whole(std::string_view text) const {
  return compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH,
                          nullptr, 0);
}

bool Regex::find(std::string_view text, std::vector<std::string_view>* groups) const {
  re2::StringPiece found[kGroupsMax + 1];  // the first is what all of the pattern matched
  const auto count = static_cast<int>(group_names_.size());
  if (!compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, found,
                        count + 1)) {
    return false;
  }
  for (size_t i = 0; i < group_names_.size(); ++i) {
    const re2::StringPiece& group = found[i + 1];
    (*groups)[i] = {group.data(), group.size()};
  }
  return true;
}

}  // namespace lastseen
