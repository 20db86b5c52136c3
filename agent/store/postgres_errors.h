// What an error of PostgreSQL means, and what somebody has to do about it. Pure.
#pragma once

#include <string>

#include "store/postgres_session.h"
#include "store/sql_text.h"
#include "store/store.h"

namespace lastseen {

/// For hints: whose rights are missing on what.
struct ErrorContext {
  TableName table;
  std::string user;
  bool migrating = false;  ///< Tables are made, which takes more rights.
};

/// An error of a statement.
StoreError statement_error(const SqlError& error, const ErrorContext& context);

/// An error while connecting. libpq gives no SQLSTATE there; its words for what only somebody can
/// mend (password, role, database, pg_hba.conf, certificate) are known, all else is `retrying`.
StoreError connect_error(const SqlError& error);

/// Too many rows were refused. `error` is the last refusal; ids are left out of the message.
StoreError table_at_fault_error(const std::string& sqlstate, const std::string& message,
                                const TableName& table);

/// For commands, which do not wait.
Status to_status(const StoreError& error);

}  // namespace lastseen
