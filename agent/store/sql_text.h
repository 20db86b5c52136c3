// Names, arrays, bytes and times as SQL text. Pure; shared by the SQL stores.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace lastseen {

/// `store.table`, split at its dot. Taken letter by letter: PostgreSQL folds unquoted names to
/// lower case, this does not, so that one spelling names one table.
struct TableName {
  std::string schema;  ///< Empty: not qualified.
  std::string table;
};
Result<TableName> parse_table_name(std::string_view text);

/// "client_activity" → "\"client_activity\"", quotes doubled.
std::string quote_identifier(std::string_view name);
/// Both parts quoted, the dot only when there is a schema.
std::string quote_table(const TableName& name);

/// A PostgreSQL array literal, element by element: libpqxx 6 has no array parameters.
class ArrayText {
 public:
  void reserve(size_t bytes) { text_.reserve(bytes); }
  void add_text(std::string_view element);  ///< Always quoted, so NULL and {} stay text.
  void add_number(int64_t element);
  /// 64 bits without a sign go into a signed bigint bit by bit; from_bigint() undoes it.
  void add_bits(uint64_t element) { add_number(static_cast<int64_t>(element)); }
  std::string take();  ///< The literal; the array is empty again.

 private:
  std::string text_ = "{";
  // The number added last: clients of one second often carry one time.
  int64_t number_ = 0;
  std::string number_text_;
};

/// The text of a number column; 0 for anything else.
int64_t from_bigint(std::string_view text);
uint64_t bits_from_bigint(std::string_view text);
/// A number without a sign and with all 64 bits, as in a ledger.
uint64_t from_count(std::string_view text);

/// Bytes of foreign origin (file names) for a text column of any encoding: printable ASCII stays,
/// the backslash doubles, all else becomes \xHH. unescape_bytes() gives back exactly the bytes.
std::string escape_bytes(std::string_view bytes);
std::string unescape_bytes(std::string_view text);
/// Bytes as two digits each, without a prefix.
std::string hex(std::string_view bytes);
/// Undoes hex(); stops at what is not two digits.
std::string unhex(std::string_view digits);

/// `2026-11-21 22:45:05.123Z`. With a blank, as SQLite's datetime() writes it, so that comparing
/// with datetime('now') as text is right; a `T` would sort after every blank of the same day.
std::string utc_text(int64_t time_ms);
/// Reads utc_text() back, also without the fraction or the Z, with a T, or a date alone.
/// False for anything else.
bool parse_utc_text(std::string_view text, int64_t* time_ms);

/// Of what the database said about a row that it refused.
inline constexpr size_t kQuarantineMessageBytesMax = 300;

/// The first line, at most `bytes_max`, cut between UTF-8 characters.
std::string first_line(std::string_view text, size_t bytes_max);

}  // namespace lastseen
