// What an SQLSTATE means for the agent: the one table, also printed for people.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "store/store.h"

namespace lastseen {

enum class SqlstateMeaning {
  kRetryAtOnce,  ///< The next try is likely to work.
  kRetrying,     ///< The server is away or short of something: back off and try again.
  kRowAtFault,   ///< One row of the statement is bad: find it and set it aside.
  kHolding,      ///< Somebody has to mend something; the data is kept.
};

/// "retry at once", "retrying", "row at fault", "holding".
std::string_view name_of(SqlstateMeaning meaning);

struct SqlstateRule {
  std::string_view pattern;  ///< A whole SQLSTATE, the beginning of one, or one of the two below.
  SqlstateMeaning meaning;
  std::string_view what;  ///< For people.
};

/// Pattern of an error that carries no SQLSTATE: the connection failed or was cut.
inline constexpr std::string_view kNoSqlstate = "none";
/// Pattern of everything that no other rule names.
inline constexpr std::string_view kAnyOtherSqlstate = "other";

/// The table; the longest pattern that fits decides.
std::span<const SqlstateRule> sqlstate_rules();

/// `sqlstate`: five characters, or empty when the error had none.
SqlstateMeaning meaning_of(std::string_view sqlstate);

/// How the flusher is told. A row at fault outside of the rows themselves is for somebody to mend.
StoreTrouble trouble_of(SqlstateMeaning meaning);

}  // namespace lastseen
