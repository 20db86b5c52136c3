// What the conformance suite needs to know of a store beside store.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/batch.h"
#include "conformance/temporary_postgres.h"
#include "store/registry.h"

namespace lastseen {

using TextRows = std::vector<std::vector<std::string>>;  // NULL reads "NULL"

/// A fresh, empty database of one kind, and a way to look at it past the store.
class StoreLab {
 public:
  virtual ~StoreLab() = default;
  virtual StoreSettings settings() const = 0;
  /// Runs any number of statements; gives the rows of the last one. Fails the test on an error.
  virtual TextRows sql(const std::string& text) = 0;
  /// SQL of a time: what the store writes for these milliseconds.
  virtual std::string time_sql(int64_t ms) const = 0;
  /// A table of clients that refuses ids starting with "bad", under other names.
  virtual std::string picky_table_sql(const std::string& table) const = 0;
  /// Takes a lock that stops every commit of `settings()`'s table; released when dropped.
  virtual std::shared_ptr<void> lock_out() = 0;
};

std::unique_ptr<StoreLab> make_sqlite_lab();
std::unique_ptr<StoreLab> make_postgres_lab();
/// One server for all cases of the process.
TemporaryPostgres& shared_postgres();

class SilentLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

/// 2023-11-14T22:13:20.123Z: before any clock that runs this, so nothing is clamped.
inline constexpr int64_t kTime = 1'700'000'000'123;
inline constexpr int64_t kFutureMaxMs = 60'000;
inline const std::string kAgent = "web-1";

/// Puts a batch together; lines read and committed follow from the sightings.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::vector<std::string> inputs = {"nginx"}) {
    for (std::string& name : inputs) batch_.inputs.push_back({std::move(name), {}, {}});
  }
  BatchBuilder& entry(std::string_view id, int64_t first_ms, int64_t last_ms, uint64_t count = 1,
                      uint32_t input = 0, bool upsert = true) {
    batch_.entries.push_back({batch_.ids.add(id), first_ms, last_ms, count, input, upsert});
    batch_.inputs[input].delta.lines_read += count;
    batch_.inputs[input].delta.committed += count;
    return *this;
  }
  BatchBuilder& seen(std::string_view id, int64_t ms) { return entry(id, ms, ms); }
  BatchBuilder& position(Position position, uint32_t input = 0) {
    batch_.inputs[input].positions.push_back(std::move(position));
    return *this;
  }
  LedgerCounts& delta(uint32_t input = 0) { return batch_.inputs[input].delta; }
  Batch take(uint64_t epoch, uint64_t number) {
    std::stable_sort(batch_.entries.begin(), batch_.entries.end(),
                     [](const Entry& a, const Entry& b) {
                       return std::tie(a.client_id, a.input) < std::tie(b.client_id, b.input);
                     });
    batch_.epoch = epoch;
    batch_.number = number;
    return std::move(batch_);
  }

 private:
  Batch batch_;
};

/// Verbs of the suite. The parameter makes the lab.
class StoreCase : public ::testing::TestWithParam<std::unique_ptr<StoreLab> (*)()> {
 protected:
  void SetUp() override {
    lab_ = GetParam()();
    settings_ = lab_->settings();
    store_ = open(settings_);
  }

  std::unique_ptr<Store> open(const StoreSettings& settings, bool read_only = false) {
    auto store = make_store(settings, kFutureMaxMs, read_only, log_);
    EXPECT_TRUE(store.is_ok()) << store.status().message();
    return store ? std::move(*store) : nullptr;
  }
  /// Migrates and loads.
  AgentState start() {
    const auto migrated = store_->migrate();
    EXPECT_TRUE(migrated.is_ok()) << migrated.status().message();
    return load();
  }
  AgentState load() { return load(*store_, kAgent); }
  AgentState load(Store& store, const std::string& agent) {
    auto answer = store.load(agent);
    if (const auto* error = std::get_if<StoreError>(&answer)) {
      ADD_FAILURE() << "load: " << error->message;
      return {};
    }
    return std::get<AgentState>(answer);
  }
  StoreError load_error(Store& store) {
    auto answer = store.load(kAgent);
    if (const auto* error = std::get_if<StoreError>(&answer)) return *error;
    ADD_FAILURE() << "load succeeded";
    return {};
  }
  CommitResult commit(const Batch& batch) { return commit(*store_, kAgent, batch); }
  CommitResult commit(Store& store, const std::string& agent, const Batch& batch) {
    auto answer = store.commit(agent, batch);
    if (const auto* error = std::get_if<StoreError>(&answer)) {
      ADD_FAILURE() << "commit: " << error->message;
      return {CommitOutcome::kWentBack, 0, 0, {}};
    }
    return std::get<CommitResult>(answer);
  }
  StoreError commit_error(const Batch& batch) {
    auto answer = store_->commit(kAgent, batch);
    if (const auto* error = std::get_if<StoreError>(&answer)) return *error;
    ADD_FAILURE() << "commit succeeded";
    return {};
  }
  std::vector<ClientRow> clients(const ClientsQuery& query = {}) {
    auto rows = store_->clients(query);
    EXPECT_TRUE(rows.is_ok()) << rows.status().message();
    return rows ? *rows : std::vector<ClientRow>();
  }
  std::optional<ClientRow> client(const std::string& id) {
    for (const ClientRow& row : clients())
      if (row.client_id == id) return row;
    return std::nullopt;
  }
  int64_t last_seen(const std::string& id) {
    const auto row = client(id);
    return row ? row->last_seen_ms : -1;
  }
  LedgerCounts totals(const std::string& input = "nginx") {
    for (const AgentState::Input& known : load().inputs)
      if (known.name == input) return known.totals;
    ADD_FAILURE() << "no input " << input;
    return {};
  }

  SilentLog log_;
  std::unique_ptr<StoreLab> lab_;
  StoreSettings settings_;
  std::unique_ptr<Store> store_;
};

inline std::string lab_name(const ::testing::TestParamInfo<std::unique_ptr<StoreLab> (*)()>& info) {
  return info.param == make_sqlite_lab ? "Sqlite" : "Postgres";
}
#define EVERY_STORE(suite)                                                                      \
  INSTANTIATE_TEST_SUITE_P(Every, suite, ::testing::Values(make_sqlite_lab, make_postgres_lab), \
                           lab_name)

}  // namespace lastseen
