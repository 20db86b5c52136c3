// From the parts of a format to the steps of a scanner.
#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "parsers/format_scanner.h"
#include "parsers/format_text.h"
#include "parsers/format_uses.h"

namespace lastseen {
namespace {

constexpr size_t kFieldsMax = 500;  // ten times the longest format anybody publishes
/// What a word does not hold, whatever it is. At any other byte it may have to go on.
constexpr std::string_view kWordStops = " \t\"[](){}|,;/:";

bool is_text(const FormatPart& part) {
  return part.is_field && part.field.shape != FieldShape::kTime &&
         part.field.shape != FieldShape::kCaptures;
}

bool has_id(FieldRole role) {
  return role != FieldRole::kNone && role != FieldRole::kTime;
}

/// What two fields without anything between them are together; nothing where the first would have
/// to be told from the second.
std::optional<FieldRole> joined_role(FieldRole first, FieldRole second) {
  if (first == FieldRole::kNone && second == FieldRole::kQuery) return FieldRole::kTarget;
  if (first == FieldRole::kNone && second == FieldRole::kTarget) return FieldRole::kTarget;
  if (first == FieldRole::kTarget && !has_id(second)) return FieldRole::kTarget;
  if (!has_id(first) && !has_id(second)) return FieldRole::kNone;
  return std::nullopt;
}

}  // namespace

class FormatCompiler {
 public:
  FormatCompiler(const FormatScanner::Options& options, const FieldNames& names,
                 std::string_view configured)
      : names_(names), configured_(configured) {
    scanner_.options_ = options;
  }

  Result<FormatScanner> compile(FormatParts parts) {
    const auto is_field = [](const FormatPart& part) { return part.is_field; };
    if (std::none_of(parts.begin(), parts.end(), is_field)) {
      return bad_format(configured_, 0, "there is no field in this format");
    }
    if (Status status = join_texts(&parts); !status) return status;
    if (Status status = choose_times(parts); !status) return status;
    if (!parts.front().is_field) add_literal(parts.front().literal);
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].is_field) continue;
      if (Status status = add_field(parts, i); !status) return status;
      const bool has_next = i + 1 < parts.size() && !parts[i + 1].is_field;
      scanner_.steps_.back().literal_size = 0;
      if (has_next) set_literal(parts[i + 1].literal, &scanner_.steps_.back());
    }
    link_steps();
    return std::move(scanner_);
  }

 private:
  using FieldKind = FormatScanner::FieldKind;
  using Step = FormatScanner::Step;

  Status error(const FormatPart& part, const std::string& message) const {
    return bad_format(configured_, part.place, message);
  }

  /// Fields with nothing between them become one: Apache's `%U%q`, nginx's `$uri$is_args$args`.
  Status join_texts(FormatParts* parts) {
    FormatParts joined;
    size_t fields = 0;
    for (FormatPart& part : *parts) {
      if (part.is_field && ++fields > kFieldsMax) return error(part, "too many fields");
      FormatPart* const last = joined.empty() ? nullptr : &joined.back();
      const bool touches = last != nullptr && is_text(*last) && is_text(part);
      if (!touches) {
        joined.push_back(std::move(part));
        continue;
      }
      const std::optional<FieldRole> role = joined_role(last->field.role, part.field.role);
      if (!role) return error(part, "nothing tells where the field before this one ends");
      last->field.role = *role;
      last->field.shape = FieldShape::kText;
      last->field.may_break |= part.field.may_break;
      if (*role == FieldRole::kTarget) last->field.name = "field.target";
      if (part.field.escape == FieldEscape::kNone) last->field.escape = FieldEscape::kNone;
    }
    *parts = std::move(joined);
    return Status::ok();
  }

  /// Which of the times are read: one that has milliseconds, else one that is complete, with what
  /// the incomplete ones add to it. (Apache's `%{msec_frac}t`, HAProxy's `%Ts.%ms`.)
  Status choose_times(const FormatParts& parts) {
    const TimePattern* best = nullptr;
    std::vector<TimePattern>& times = scanner_.times_;
    for (const FormatPart& part : parts) {
      if (!part.is_field || part.field.shape != FieldShape::kTime) continue;
      TimePattern::Error problem;
      std::optional<TimePattern> time = TimePattern::compile(part.field.time, &problem);
      if (!time) return error(part, problem.message);
      times.push_back(std::move(*time));
    }
    for (const TimePattern& time : times) {
      if (!time.is_complete()) continue;
      if (best == nullptr || (time.has_fraction() && !best->has_fraction())) best = &time;
    }
    for (const TimePattern& time : times) {
      const bool adds = best == nullptr || (!best->has_fraction() && !time.is_complete());
      wanted_times_.push_back(&time == best || adds);
    }
    return Status::ok();
  }

  void add_literal(const std::string& literal) {
    set_literal(literal, &scanner_.steps_.emplace_back());
  }

  void set_literal(const std::string& literal, Step* step) {
    step->literal_at = static_cast<uint32_t>(scanner_.literals_.size());
    step->literal_size = static_cast<uint32_t>(literal.size());
    step->stop = literal.empty() ? '\0' : literal[0];
    scanner_.literals_ += literal;
    const size_t head_size = std::min(literal.size(), sizeof step->head);
    const uint64_t ones = ~uint64_t{0};
    std::memcpy(&step->head, literal.data(), head_size);
    std::memcpy(&step->head_mask, &ones, head_size);
  }

  Status add_field(const FormatParts& parts, size_t index) {
    const FormatPart& part = parts[index];
    const FormatField& field = part.field;
    const bool has_next = index + 1 < parts.size();
    if (is_text(part) && has_next && parts[index + 1].is_field && !ends_by_itself(field)) {
      return error(parts[index + 1], "nothing tells where the field before this one ends");
    }
    const std::string next = has_next && !parts[index + 1].is_field ? parts[index + 1].literal : "";
    Step& step = scanner_.steps_.emplace_back();
    step.kind = kind_of(field, next);
    step.stop = next.empty() ? '\0' : next[0];
    step.may_break = field.may_break;
    step.length_max = static_cast<uint32_t>(std::min<size_t>(field.length_max, UINT32_MAX));
    // Only behind a text whose end is not sure does it matter what an address looks like.
    const bool text_before =
        std::any_of(scanner_.steps_.begin(), scanner_.steps_.end() - 1,
                    [](const Step& earlier) { return earlier.kind == FieldKind::kText; });
    step.is_address = text_before && field.shape == FieldShape::kAddress && step.stop != ':';
    step.last_stop = field.shape == FieldShape::kAddress && next == ":" &&
                     index + 2 < parts.size() && ends_before_blank(parts, index + 2);
    const bool stops_as_usual = static_cast<unsigned char>(step.stop) <= ' ' || step.stop == '"';
    if (step.kind == FieldKind::kWord && (!stops_as_usual || step.is_address || step.last_stop)) {
      step.kind = FieldKind::kOddWord;
    }
    step.may_vanish = field.shape == FieldShape::kCaptures && step.stop == ' ' && index > 0 &&
                      !parts[index - 1].is_field && parts[index - 1].literal.ends_with(' ');
    if (field.shape == FieldShape::kTime) {
      step.time = time_index_;
      step.is_wanted = wanted_times_[time_index_];
      step.is_whole_time =
          step.is_wanted && std::count(wanted_times_.begin(), wanted_times_.end(), true) == 1;
      ++time_index_;
    }
    std::vector<FieldUse> uses = uses_of(field, names_);
    if (!uses.empty()) add_needed(std::move(uses), parts, index, &step);
    return Status::ok();
  }

  static bool ends_by_itself(const FormatField& field) {
    return field.shape == FieldShape::kNumber;
  }

  /// Whether the address before `parts[index]`, a port, ends at its run's last colon.
  static bool ends_before_blank(const FormatParts& parts, size_t index) {
    if (index + 1 >= parts.size()) return true;
    return !parts[index + 1].is_field && parts[index + 1].literal[0] == ' ';
  }

  static FieldKind kind_of(const FormatField& field, const std::string& next) {
    switch (field.shape) {
      case FieldShape::kTime:
        return FieldKind::kTime;
      case FieldShape::kCaptures:
        return FieldKind::kCaptures;
      case FieldShape::kNumber:
        return FieldKind::kNumber;
      case FieldShape::kWord:
      case FieldShape::kAddress:
        if (next.empty() || kWordStops.find(next[0]) != kWordStops.npos) return FieldKind::kWord;
        return FieldKind::kText;
      case FieldShape::kText:
        break;
    }
    if (field.escape == FieldEscape::kNone || !next.starts_with('"')) return FieldKind::kText;
    return field.escape == FieldEscape::kHash ? FieldKind::kHashed : FieldKind::kQuoted;
  }

  void add_needed(std::vector<FieldUse> uses, const FormatParts& parts, size_t index, Step* step) {
    const FormatField& field = parts[index].field;
    if (scanner_.needed_.size() == ScannedLine::kValuesMax) return;
    step->value = static_cast<uint8_t>(scanner_.needed_.size());
    NeededField& needed = scanner_.needed_.emplace_back();
    needed.uses = std::move(uses);
    needed.name = field.name.starts_with("field.") ? field.name.substr(6) : field.name;
    // Two bodies are told apart by their order; of what else there are two, the first counts.
    for (FieldUse& use : needed.uses) {
      if (use.slot == LineFields::kBody) use.rank = next_body_rank_;
    }
    if (next_body_rank_ + 1U < LineFields::kRanksMax) ++next_body_rank_;
    needed.shape = field.shape;
    needed.escape = field.escape;
    needed.may_be_json = field.may_be_json;
    const bool text_before =
        std::any_of(scanner_.steps_.begin(), scanner_.steps_.end() - 1,
                    [](const Step& earlier) { return earlier.kind == FieldKind::kText; });
    constexpr size_t kSeparatorMin = 2;  // a blank alone separates nothing
    if (field.escape == FieldEscape::kNone && text_before && index > 0 &&
        !parts[index - 1].is_field && parts[index - 1].literal.size() >= kSeparatorMin) {
      needed.separator = parts[index - 1].literal;
    }
  }

  /// Tells each step which text gets another end when it does not fit: the last before it, as far
  /// as the next step that is final. The end of a text is looked for at each blank or quote, and
  /// words between those are short in sum; anywhere else a word could be walked over again and
  /// again.
  void link_steps() {
    std::vector<Step>& steps = scanner_.steps_;
    steps.back().is_last = true;
    bool after_times = true;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      step->after_times = after_times;
      after_times &= !step->is_wanted;
      step->head_is_all = !step->is_last && step->literal_size <= sizeof step->head;
    }
    bool words_are_final = false;
    const Step* text = nullptr;
    for (Step& step : steps) {
      const bool is_word = step.kind == FieldKind::kWord || step.kind == FieldKind::kOddWord;
      const bool is_final = step.kind == FieldKind::kText || step.kind == FieldKind::kQuoted ||
                            step.kind == FieldKind::kHashed || step.kind == FieldKind::kCaptures ||
                            (is_word && words_are_final);
      if (is_final) text = nullptr;
      if (text != nullptr) step.text_back = static_cast<uint16_t>(&step - text);
      if (step.kind != FieldKind::kText) continue;
      text = &step;
      words_are_final = scanner_.literal_of(step).find_first_of(" \t\"") == std::string_view::npos;
    }
  }

  const FieldNames& names_;
  const std::string_view configured_;
  FormatScanner scanner_;
  uint8_t next_body_rank_ = 0;
  std::vector<bool> wanted_times_;
  uint16_t time_index_ = 0;
};

Result<FormatScanner> FormatScanner::compile(const FormatParts& parts, const Options& options,
                                             const FieldNames& names, std::string_view configured) {
  return FormatCompiler(options, names, configured).compile(parts);
}

}  // namespace lastseen
