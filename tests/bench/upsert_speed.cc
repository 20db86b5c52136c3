// How fast rows get into PostgreSQL: the agent's own way (flusher and store) and, as the yardstick,
// bare libpq with the same statement on the same rows. One JSON object with the figures.
#include <libpq-fe.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"
#include "fakes/recording_log.h"
#include "pipeline/flusher.h"
#include "store/postgres_statements.h"
#include "store/registry.h"

namespace lastseen {
namespace {

constexpr int64_t kStartMs = 1'795'305'600'000;  // 2026-11-22T00:00:00Z
constexpr size_t kRowsPerStatement = 10'000;     // as the store cuts a batch

struct Options {
  std::string way = "lastseen";
  std::string conninfo;
  size_t clients = 10'000;
  size_t batch = 10'000;  // distinct clients in each
  size_t batches = 100;
  int64_t from_batch = 1;  // later ones carry later times
};

struct Spent {
  double wall = 0;
  double cpu = 0;  // of this process
};

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "upsert_speed: %s\n", why.c_str());
  std::exit(1);
}

/// What ingest hands to the flusher: distinct clients in no order, all seen at the same time.
class Batches {
 public:
  explicit Batches(const Options& options) : options_(options), order_(options.clients) {
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
  }

  Batch next(int64_t number) {
    Batch batch;
    batch.inputs.resize(1);
    batch.inputs[0].name = "bench";
    Position& position = batch.inputs[0].positions.emplace_back();
    position.stream = "1";
    position.path = "/var/log/nginx/access.log";
    position.position = static_cast<uint64_t>(number) * 1'000'000;
    batch.inputs[0].delta.lines_read = batch.inputs[0].delta.committed = options_.batch;
    const int64_t seen_ms = kStartMs + number * 1000;
    for (size_t i = 0; i < options_.batch; ++i) {
      std::swap(order_[i], order_[i + random_() % (order_.size() - i)]);
      const std::string id = "XALAP_BRUNO_" + std::to_string(order_[i]);
      batch.entries.push_back({batch.ids.add(id), seen_ms, seen_ms, 1, 0, true});
    }
    return batch;
  }

 private:
  const Options& options_;
  std::vector<size_t> order_;
  std::mt19937_64 random_{20261121};
};

StoreSettings settings_of(const Options& options) {
  StoreSettings settings;
  settings.type = "postgres";
  settings.url = options.conninfo;
  return settings;
}

class OwnWay {
 public:
  explicit OwnWay(const Options& options) : flusher_(flusher_options(options), log_) {
    auto store = make_store(settings_of(options), 60'000, false, log_);
    if (!store) give_up(store.status().message());
    store_ = std::move(*store);
    auto state = store_->load("upsert_speed");
    if (auto* error = std::get_if<StoreError>(&state)) give_up(error->message);
    flusher_.loaded(std::move(state), now_);
    flusher_.take_reply();
  }

  void commit(Batch batch) {
    flusher_.offer(std::move(batch), false, now_);
    auto result = store_->commit("upsert_speed", flusher_.batch());
    if (auto* error = std::get_if<StoreError>(&result)) give_up(error->message);
    flusher_.committed(std::move(result), now_, now_);
    flusher_.take_reply();
    log_.clear();
  }

 private:
  static FlusherOptions flusher_options(const Options& options) {
    FlusherOptions flusher;
    flusher.clients_max = std::max<uint64_t>(100'000, options.clients * 2);
    return flusher;
  }

  Now now_{1'000'000, kStartMs};
  RecordingLog log_;
  Flusher flusher_;
  std::unique_ptr<Store> store_;
};

/// Sorted by id like the store's, prepared once, in statements as large as the store's, one
/// transaction a batch; neither a fence nor positions nor a ledger.
class BareLibpq {
 public:
  explicit BareLibpq(const Options& options) : connection_(PQconnectdb(options.conninfo.c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) give_up(PQerrorMessage(connection_));
    PostgresStatements statements(settings_of(options), {"", "client_activity"});
    statements.set_id_type("character varying");
    expect(PQprepare(connection_, "upsert", statements.upsert().c_str(), 3, nullptr));
  }
  ~BareLibpq() { PQfinish(connection_); }
  BareLibpq(const BareLibpq&) = delete;
  BareLibpq& operator=(const BareLibpq&) = delete;

  void commit(Batch batch) {
    std::sort(batch.entries.begin(), batch.entries.end(),
              [](const Entry& a, const Entry& b) { return a.client_id < b.client_id; });
    expect(PQexec(connection_, "BEGIN"));
    for (size_t at = 0; at < batch.entries.size(); at += kRowsPerStatement)
      upsert(batch.entries, at, std::min(batch.entries.size(), at + kRowsPerStatement));
    expect(PQexec(connection_, "COMMIT"));
  }

 private:
  void upsert(const std::vector<Entry>& entries, size_t begin, size_t end) {
    std::string ids = "{", times = "{";
    for (size_t i = begin; i < end; ++i) {
      if (i > begin) ids += ',', times += ',';
      ids += '"';
      ids += entries[i].client_id;
      ids += '"';
      times += std::to_string(entries[i].last_seen_ms);
    }
    ids += '}';
    times += '}';
    const char* values[] = {ids.c_str(), times.c_str(), times.c_str()};
    expect(PQexecPrepared(connection_, "upsert", 3, values, nullptr, nullptr, 0));
  }

  void expect(PGresult* result) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) give_up(PQerrorMessage(connection_));
    PQclear(result);
  }

  PGconn* connection_;
};

template <typename Way>
Spent measure(const Options& options) {
  Way way(options);
  Batches batches(options);
  Spent spent;
  for (size_t i = 0; i < options.batches; ++i) {
    Batch batch = batches.next(options.from_batch + static_cast<int64_t>(i));
    const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    way.commit(std::move(batch));
    spent.wall += seconds(CLOCK_MONOTONIC) - wall;
    spent.cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  }
  return spent;
}

constexpr char kUsage[] =
    "upsert_speed --way lastseen|libpq --conninfo TEXT [--clients N] [--batch N] [--batches N]\n"
    "             [--from-batch N]\n"
    "The database needs the tables of `lastseen migrate`.\n";

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--way")
      options.way = value;
    else if (name == "--conninfo")
      options.conninfo = value;
    else if (name == "--clients")
      options.clients = std::strtoull(value, nullptr, 10);
    else if (name == "--batch")
      options.batch = std::strtoull(value, nullptr, 10);
    else if (name == "--batches")
      options.batches = std::strtoull(value, nullptr, 10);
    else if (name == "--from-batch")
      options.from_batch = std::strtoll(value, nullptr, 10);
    else
      return false;
  }
  return argc % 2 == 1 && (options.way == "lastseen" || options.way == "libpq") &&
         options.batch > 0 && options.batch <= options.clients;
}

}  // namespace
}  // namespace lastseen

int main(int argc, char** argv) {
  lastseen::Options options;
  if (!lastseen::read_options(argc, argv, options)) {
    std::fputs(lastseen::kUsage, stderr);
    return 2;
  }
  const lastseen::Spent spent = options.way == "libpq"
                                    ? lastseen::measure<lastseen::BareLibpq>(options)
                                    : lastseen::measure<lastseen::OwnWay>(options);
  std::printf("{\"rows\": %zu, \"wall\": %.6f, \"cpu\": %.6f}\n", options.batch * options.batches,
              spent.wall, spent.cpu);
}
