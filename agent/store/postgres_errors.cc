#include "store/postgres_errors.h"

#include <string_view>

#include "store/bisect.h"
#include "store/migration_plan.h"
#include "store/sqlstate.h"

namespace lastseen {

namespace {

// Words of libpq and of a server in English. In another language the store shows `retrying`
// instead of `holding`; both are probed every few seconds and both show the message.
struct ConnectRefusal {
  std::string_view words;
  std::string_view what_to_do;
};
constexpr std::string_view kCorrectPassword =
    "correct the password: store.password_file, store.url, PG_PASSWORD or ~/.pgpass";
constexpr std::string_view kMendHba = "add a line for this role and host to pg_hba.conf there";
constexpr ConnectRefusal kNotForUsToMend[] = {
    {"password authentication failed", kCorrectPassword},
    {"no password supplied", kCorrectPassword},
    {"authentication failed", "correct the role or the server's pg_hba.conf"},
    {"no pg_hba.conf entry", kMendHba},
    {"pg_hba.conf rejects connection", kMendHba},
    {"does not exist", "create that role or database, or correct store.url"},
    {"is not permitted to log in", "run: ALTER ROLE … LOGIN"},
    {"certificate", "correct sslrootcert, sslcert or sslmode in store.url"},
    {"server does not support SSL", "turn TLS on there, or correct sslmode in store.url"},
};

// A table of another name was never made by a migration.
std::string missing_table_hint(std::string_view message, const ErrorContext& context) {
  const bool mapped = context.table.table != kClientTable &&
                      message.find(context.table.table) != std::string_view::npos;
  return mapped ? "create it again or correct store.table" : "run: lastseen migrate -c FILE";
}

// The whole least set when the message does not name an object of ours.
std::string grant_hint(std::string_view message, const ErrorContext& context) {
  const std::string role = context.user.empty() ? "the role" : quote_identifier(context.user);
  const std::string& schema = context.table.schema;
  if (message.find("for schema") != std::string_view::npos)
    return std::string(context.migrating ? "GRANT USAGE, CREATE" : "GRANT USAGE") + " ON SCHEMA " +
           (schema.empty() ? "public" : quote_identifier(schema)) + " TO " + role;
  for (std::string_view own :
       {"lastseen_agent", "lastseen_position", "lastseen_quarantine", "lastseen_schema"})
    if (message.find(own) != std::string_view::npos)
      return "GRANT SELECT, INSERT, UPDATE, DELETE ON " + quote_table({schema, std::string(own)}) +
             " TO " + role;
  return "GRANT SELECT, INSERT, UPDATE ON " + quote_table(context.table) + " TO " + role;
}

// What to do, for the states where words of ours help more than the server's alone.
std::string hint(const SqlError& error, const ErrorContext& context) {
  if (error.sqlstate == "42P01") return missing_table_hint(error.message, context);
  if (error.sqlstate == "42501" && error.message.find("row-level security") != std::string::npos)
    return "a policy refuses the rows: make one that lets the agent's role write all of them, or "
           "run as a superuser: ALTER ROLE … BYPASSRLS";
  if (error.sqlstate == "42501") return "run as its owner: " + grant_hint(error.message, context);
  if (error.sqlstate == "P0001")
    return "a trigger refuses a row, and all wait for it: where it means that row alone, let it "
           "RAISE … USING ERRCODE = 'check_violation', and the row is set aside";
  if (error.sqlstate == "42703") return "check store.columns";
  if (error.sqlstate == "42804")
    return "store.columns needs a text, integer or uuid id and timestamptz times";
  if (error.sqlstate == "42P10") return "the id column needs a unique key of its own";
  if (error.sqlstate == "23502")
    return "give that column a default or allow NULL: the agent only writes the columns of "
           "store.columns";
  if (error.sqlstate == "25006")
    return "the server is a standby or read-only: let store.url name the primary";
  if (error.sqlstate == "53100") return "free disk space on the server; the data waits";
  if (error.sqlstate == "53300") return "raise max_connections or end other sessions";
  return "";
}

// Messages quote the value after a colon: `invalid input syntax for type uuid: "bob"`.
std::string without_value(const std::string& message) {
  return message.substr(0, message.find(": \""));
}

}  // namespace

StoreError statement_error(const SqlError& error, const ErrorContext& context) {
  StoreError store_error;
  store_error.trouble = trouble_of(meaning_of(error.sqlstate));
  store_error.sqlstate = error.sqlstate;
  if (error.sqlstate.empty()) {
    store_error.message = "PostgreSQL: connection lost: " + error.message;
    return store_error;
  }
  store_error.message =
      "PostgreSQL: " + without_value(error.message) + " (SQLSTATE " + error.sqlstate + ")";
  const std::string what_to_do = hint(error, context);
  if (!what_to_do.empty()) store_error.message += "; " + what_to_do;
  return store_error;
}

StoreError connect_error(const SqlError& error) {
  StoreError store_error{StoreTrouble::kUnreachable, error.sqlstate,
                         "PostgreSQL: cannot connect: " + error.message};
  const std::string_view message = error.message;
  // A server that is starting or full says so, whatever else another host of the URL says; and a
  // socket file that is not there yet "does not exist" only for now.
  if (message.find("No such file or directory") != std::string_view::npos) return store_error;
  for (const ConnectRefusal& refusal : kNotForUsToMend) {
    if (message.find(refusal.words) == std::string_view::npos) continue;
    store_error.trouble = StoreTrouble::kHolding;
    store_error.message.append("; ").append(refusal.what_to_do);
    break;
  }
  return store_error;
}

StoreError table_at_fault_error(const std::string& sqlstate, const std::string& message,
                                const TableName& table) {
  return {StoreTrouble::kHolding, sqlstate,
          quote_table(table) + kRefusesTooMany + without_value(message) + " (SQLSTATE " + sqlstate +
              "); mend the table, or store.table and store.columns"};
}

Status to_status(const StoreError& error) {
  if (error.sqlstate == "42P01") return Status::not_found(error.message);
  if (error.trouble == StoreTrouble::kHolding) return Status::fatal(error.message);
  return Status::retry(error.message);
}

}  // namespace lastseen
