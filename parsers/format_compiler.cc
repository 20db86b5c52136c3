// From the parts of a format to the steps of a scanner.
#include <algorithm>
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
    if (Status status = join_texts(&parts); !status) return status;
    if (Status status = choose_times(parts); !status) return status;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].is_field) {
        add_literal(parts[i].literal);
      } else if (Status status = add_field(parts, i); !status) {
        return status;
      }
    }
    add_step(StepKind::kEnd);
    link_texts();
    return std::move(scanner_);
  }

 private:
  using StepKind = FormatScanner::StepKind;
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

  Step& add_step(StepKind kind) {
    Step& step = scanner_.steps_.emplace_back();
    step.kind = kind;
    return step;
  }

  void add_literal(const std::string& literal) {
    Step& step = add_step(StepKind::kLiteral);
    step.literal_at = static_cast<uint32_t>(scanner_.literals_.size());
    step.literal_size = static_cast<uint32_t>(literal.size());
    scanner_.literals_ += literal;
  }

  Status add_field(const FormatParts& parts, size_t index) {
    const FormatPart& part = parts[index];
    const FormatField& field = part.field;
    const bool has_next = index + 1 < parts.size();
    if (is_text(part) && has_next && parts[index + 1].is_field && !ends_by_itself(field)) {
      return error(parts[index + 1], "nothing tells where the field before this one ends");
    }
    const std::string next = has_next && !parts[index + 1].is_field ? parts[index + 1].literal : "";
    Step& step = add_step(kind_of(field, next));
    step.stop = next.empty() ? '\0' : next[0];
    step.may_break = field.may_break;
    step.length_max = static_cast<uint32_t>(std::min<size_t>(field.length_max, UINT32_MAX));
    step.hash = field.escape == FieldEscape::kHash;
    step.is_address = field.shape == FieldShape::kAddress && step.stop != ':';
    step.last_stop = field.shape == FieldShape::kAddress && next == ":" &&
                     index + 2 < parts.size() && ends_before_blank(parts, index + 2);
    step.may_vanish = field.shape == FieldShape::kCaptures && step.stop == ' ' && index > 0 &&
                      !parts[index - 1].is_field && parts[index - 1].literal.ends_with(' ');
    if (field.shape == FieldShape::kTime) {
      step.time = time_index_;
      step.is_wanted = wanted_times_[time_index_];
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

  static StepKind kind_of(const FormatField& field, const std::string& next) {
    switch (field.shape) {
      case FieldShape::kTime:
        return StepKind::kTime;
      case FieldShape::kCaptures:
        return StepKind::kCaptures;
      case FieldShape::kNumber:
        return StepKind::kNumber;
      case FieldShape::kWord:
      case FieldShape::kAddress:
        if (next.empty() || kWordStops.find(next[0]) != kWordStops.npos) return StepKind::kWord;
        return StepKind::kText;
      case FieldShape::kText:
        break;
    }
    const bool escaped = field.escape != FieldEscape::kNone;
    return escaped && next.starts_with('"') ? StepKind::kQuoted : StepKind::kText;
  }

  void add_needed(std::vector<FieldUse> uses, const FormatParts& parts, size_t index, Step* step) {
    const FormatField& field = parts[index].field;
    if (scanner_.needed_.size() == ScannedLine::kValuesMax) return;
    step->value = static_cast<uint8_t>(scanner_.needed_.size());
    NeededField& needed = scanner_.needed_.emplace_back();
    needed.uses = std::move(uses);
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
                    [](const Step& earlier) { return earlier.kind == StepKind::kText; });
    constexpr size_t kSeparatorMin = 2;  // a blank alone separates nothing
    if (field.escape == FieldEscape::kNone && text_before && index > 0 &&
        !parts[index - 1].is_field && parts[index - 1].literal.size() >= kSeparatorMin) {
      needed.separator = parts[index - 1].literal;
    }
  }

  /// Tells each text the literal behind it, and each step whether it is behind the point of no
  /// return of the text before. The end of that text is looked for at each blank or quote; words
  /// between them are short in sum. Anywhere else a word could be walked over again and again.
  void link_texts() {
    std::vector<Step>& steps = scanner_.steps_;
    bool words_are_final = false;
    for (size_t i = 0; i < steps.size(); ++i) {
      Step& step = steps[i];
      step.is_final = step.kind == StepKind::kText || step.kind == StepKind::kQuoted ||
                      step.kind == StepKind::kCaptures ||
                      (step.kind == StepKind::kWord && words_are_final);
      if (step.kind != StepKind::kText || steps[i + 1].kind != StepKind::kLiteral) continue;
      step.literal_at = steps[i + 1].literal_at;
      step.literal_size = steps[i + 1].literal_size;
      words_are_final = scanner_.literal_of(step).find_first_of(" \t\"") == std::string_view::npos;
      step.at_line_end = steps[i + 2].kind == StepKind::kEnd && !scanner_.options_.more_may_follow;
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
