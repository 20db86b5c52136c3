#include "store/sqlstate.h"

#include <array>

namespace lastseen {

namespace {

using enum SqlstateMeaning;

// Classes and codes: PostgreSQL's manual, appendix A. A class stands for all its codes unless a
// longer pattern names one of them.
constexpr std::array kRules = {
    SqlstateRule{"40001", kRetryAtOnce, "serialization failure"},
    SqlstateRule{"40P01", kRetryAtOnce, "deadlock detected"},
    SqlstateRule{"55P03", kRetryAtOnce, "lock not available within store.timeout.lock"},
    SqlstateRule{"57014", kRetryAtOnce, "canceled, or longer than store.timeout.statement"},
    SqlstateRule{kNoSqlstate, kRetrying, "no connection, or it was lost"},
    SqlstateRule{"08", kRetrying, "connection exception"},
    SqlstateRule{"25P03", kRetrying, "the server ended a transaction that stood idle"},
    SqlstateRule{"53", kRetrying, "out of disk, memory or connections"},
    SqlstateRule{"57P", kRetrying, "the server is starting, stopping or was told to end us"},
    SqlstateRule{"21000", kRowAtFault, "two ids of one statement are one key to the table"},
    SqlstateRule{"22", kRowAtFault, "the value does not fit the column"},
    SqlstateRule{"23", kRowAtFault, "a constraint refuses the row"},
    SqlstateRule{"23502", kHolding, "a column of the table that is not ours wants a value"},
    SqlstateRule{"54000", kRowAtFault, "the value is too long for an index of the table"},
    SqlstateRule{kAnyOtherSqlstate, kHolding, "rights, tables, passwords, read-only, corruption"},
};

}  // namespace

std::string_view name_of(SqlstateMeaning meaning) {
  switch (meaning) {
    case kRetryAtOnce:
      return "retry at once";
    case kRetrying:
      return "retrying";
    case kRowAtFault:
      return "row at fault";
    case kHolding:
      break;
  }
  return "holding";
}

std::span<const SqlstateRule> sqlstate_rules() {
  return kRules;
}

SqlstateMeaning meaning_of(std::string_view sqlstate) {
  if (sqlstate.empty()) return kRetrying;
  const SqlstateRule* best = nullptr;
  for (const SqlstateRule& rule : kRules) {
    const bool fits = sqlstate.starts_with(rule.pattern);
    if (fits && (!best || best->pattern.size() < rule.pattern.size())) best = &rule;
  }
  return best ? best->meaning : kHolding;
}

StoreTrouble trouble_of(SqlstateMeaning meaning) {
  switch (meaning) {
    case kRetryAtOnce:
      return StoreTrouble::kRetryAtOnce;
    case kRetrying:
      return StoreTrouble::kUnreachable;
    case kRowAtFault:
    case kHolding:
      break;
  }
  return StoreTrouble::kHolding;
}

}  // namespace lastseen
