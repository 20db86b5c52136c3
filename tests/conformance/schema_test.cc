// Tables that are missing, not ours, of another version, or not fit to be upserted into.
#include "conformance/store_lab.h"

namespace lastseen {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;

class SchemaCase : public StoreCase {};
EVERY_STORE(SchemaCase);

TEST_P(SchemaCase, MigrateAppliesAllOnceAndSaysSo) {
  auto before = store_->migration_status();
  ASSERT_TRUE(before.is_ok()) << before.status().message();
  EXPECT_THAT(*before, Each(Field(&MigrationStatus::applied, false)));
  auto first = store_->migrate();
  ASSERT_TRUE(first.is_ok()) << first.status().message();
  ASSERT_EQ(2u, first->size());
  EXPECT_EQ("0001_agent.sql", (*first)[0].name);
  EXPECT_THAT(*first, Each(Field(&MigrationStatus::note, "applied now")));
  auto again = store_->migrate();
  ASSERT_TRUE(again.is_ok());
  EXPECT_THAT(*again, Each(Field(&MigrationStatus::applied, true)));
  EXPECT_THAT(*again, Each(Field(&MigrationStatus::note, "")));
  EXPECT_THAT(*store_->migration_status(), Each(Field(&MigrationStatus::applied, true)));
}

TEST_P(SchemaCase, ExistingTableOfClientsIsLeftAlone) {
  lab_->sql("CREATE TABLE client_activity (client_id TEXT UNIQUE, last_seen " +
            std::string(settings_.type == "sqlite" ? "TEXT" : "timestamp") + ", note TEXT)");
  settings_.columns.created_at = "";
  store_ = open(settings_);
  const auto statuses = store_->migrate();
  ASSERT_TRUE(statuses.is_ok()) << statuses.status().message();
  EXPECT_EQ("not needed: the table exists", (*statuses)[1].note);
  load();
  commit(BatchBuilder().seen("a", kTime).take(1, 1));
  EXPECT_EQ(kTime, last_seen("a"));
  EXPECT_EQ(std::nullopt, client("a")->created_at_ms);
}

TEST_P(SchemaCase, TableOfAnotherNameIsUsedAndNoneIsMade) {
  lab_->sql(lab_->picky_table_sql("people"));
  settings_.table = "people";
  settings_.columns = {"who", "at", "born"};
  store_ = open(settings_);
  start();
  commit(BatchBuilder().entry("a", kTime - 1, kTime).take(1, 1));
  EXPECT_EQ(kTime - 1, client("a")->created_at_ms);
  const std::string exists = settings_.type == "sqlite"
                                 ? "SELECT count(*) FROM sqlite_master WHERE name = "
                                   "'client_activity'"
                                 : "SELECT count(to_regclass('client_activity'))";
  EXPECT_EQ("0", lab_->sql(exists)[0][0]);
}

TEST_P(SchemaCase, TableThatDoesNotExistHolds) {
  settings_.table = "people";
  store_ = open(settings_);
  ASSERT_TRUE(open(lab_->settings())->migrate().is_ok());
  const StoreError error = load_error(*store_);
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("\"people\""));
}

TEST_P(SchemaCase, TableWithoutAUniqueKeyOnTheIdHolds) {
  lab_->sql("CREATE TABLE people (who TEXT, at TEXT, born TEXT, UNIQUE (who, at))");
  lab_->sql("CREATE UNIQUE INDEX partly ON people (who) WHERE at IS NOT NULL");
  settings_.table = "people";
  settings_.columns = {"who", "at", "born"};
  store_ = open(settings_);
  ASSERT_TRUE(store_->migrate().is_ok() || settings_.type == "sqlite");
  const StoreError error = load_error(*store_);
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("no unique key on \"who\""));
}

TEST_P(SchemaCase, ColumnThatDoesNotExistHolds) {
  start();
  settings_.columns.id = "who";
  const StoreError error = load_error(*open(settings_));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("store.columns.id"));
}

TEST_P(SchemaCase, NewerSchemaHolds) {
  start();
  lab_->sql("INSERT INTO lastseen_schema (name) VALUES ('0099_tomorrow.sql')");
  const StoreError error = load_error(*open(settings_));
  EXPECT_EQ(StoreTrouble::kHolding, error.trouble);
  EXPECT_THAT(error.message, HasSubstr("0099_tomorrow.sql"));
}

TEST_P(SchemaCase, UnknownTypeOrTableNameIsAConfigurationError) {
  StoreSettings settings = settings_;
  settings.type = "redis-ish";
  EXPECT_EQ(StatusCode::kFatal, make_store(settings, 0, false, log_).status().code());
  settings = settings_;
  settings.table = "a.b.c";
  EXPECT_EQ(StatusCode::kFatal, make_store(settings, 0, false, log_).status().code());
}

}  // namespace
}  // namespace lastseen
