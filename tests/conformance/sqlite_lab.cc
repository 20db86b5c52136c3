#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>

#include "conformance/store_lab.h"
#include "store/sql_text.h"

namespace lastseen {

namespace {

class SqliteLab final : public StoreLab {
 public:
  SqliteLab() {
    char name[] = "/tmp/lastseen-sqlite-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~SqliteLab() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  StoreSettings settings() const override {
    StoreSettings settings;
    settings.type = "sqlite";
    settings.path = directory_ + "/lastseen.db";
    return settings;
  }

  TextRows sql(const std::string& text) override {
    TextRows rows;
    char* error = nullptr;
    sqlite3* db = open();
    sqlite3_exec(db, text.c_str(), add_row, &rows, &error);
    EXPECT_EQ(nullptr, error) << error << " in " << text;
    sqlite3_free(error);
    sqlite3_close(db);
    return rows;
  }

  std::string time_sql(int64_t ms) const override { return "'" + utc_text(ms) + "'"; }

  std::string picky_table_sql(const std::string& table) const override {
    return "CREATE TABLE " + table +
           " (who TEXT PRIMARY KEY CHECK (who NOT LIKE 'bad%'), at TEXT, born TEXT)";
  }

  std::shared_ptr<void> lock_out() override {
    sqlite3* db = open();
    EXPECT_EQ(SQLITE_OK, sqlite3_exec(db, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr));
    return {db, [](void* locked) { sqlite3_close(static_cast<sqlite3*>(locked)); }};
  }

 private:
  sqlite3* open() {
    sqlite3* db = nullptr;
    EXPECT_EQ(SQLITE_OK, sqlite3_open(settings().path.c_str(), &db));
    sqlite3_busy_timeout(db, 10'000);
    return db;
  }
  static int add_row(void* rows, int columns, char** texts, char**) {
    std::vector<std::string> row;
    for (int i = 0; i < columns; ++i) row.emplace_back(texts[i] ? texts[i] : "NULL");
    static_cast<TextRows*>(rows)->push_back(std::move(row));
    return 0;
  }

  std::string directory_;
};

}  // namespace

std::unique_ptr<StoreLab> make_sqlite_lab() {
  return std::make_unique<SqliteLab>();
}

}  // namespace lastseen
