// The whole ingest path on a real file: read, frame, parse, merge, seal. Allocations are counted
// for a line in steady state, when every client is known to the buffer, and for a batch.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "allocations.h"
#include "base/file_system.h"
#include "fakes/recording_log.h"
#include "pipeline/pipeline.h"
#include "source/file_source.h"

namespace lastseen {
namespace {

constexpr int kClients = 10'000;
constexpr int kLines = 200'000;

std::string nginx_line(int number) {
  char line[600];
  const int client = static_cast<int>(number * 2654435761u % kClients);
  const int length = std::snprintf(
      line, sizeof line,
      R"({"time":"2026-11-21T22:45:05-06:00","msec":%d.%03d,"remote_addr":"127.0.5.191",)"
      R"("method":"POST","request":"POST /items HTTP/1.1","request_uri":"/items","status":200,)"
      R"("bytes":12,"request_time":0.001,"host":"api.example.test","user_agent":"Java/17",)"
      R"("request_body":"{\"client_id\":\"client-%05d\",\"records\":[{\"id\":%d,\"name\":\"\"}]}"})"
      "\n",
      1795322705 + number / 1000, number % 1000, client, number);
  return {line, static_cast<size_t>(length)};
}

// A log that is written once and deleted at the end.
class LogFile {
 public:
  LogFile() {
    std::FILE* file = std::fopen(path_.c_str(), "w");
    for (int i = 0; i < kLines; ++i) std::fputs(nginx_line(i).c_str(), file);
    std::fclose(file);
  }
  ~LogFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }
  int64_t bytes() const { return static_cast<int64_t>(std::filesystem::file_size(path_)); }

 private:
  std::string path_ = std::filesystem::temp_directory_path() /
                      ("lastseen-ingest-bench-" + std::to_string(getpid()) + ".log");
};

class NoWatcher final : public Watcher {
 public:
  Status watch(const std::string&, Listener*) override { return Status::ok(); }
  void unwatch(const std::string&, Listener*) override {}
  void wait(int64_t) override {}
  void wake() override {}
};

struct Ingest {
  explicit Ingest(const std::string& path) {
    InputSettings settings;
    settings.name = "bench";
    settings.path = path;
    settings.parser.type = "json";
    std::vector<PipelineInput> inputs(1);
    inputs[0].name = settings.name;
    inputs[0].source = std::make_unique<FileSource>(settings, Start::kBegin, *files, watcher, log);
    inputs[0].parser = std::move(*make_parser(settings.parser, ParserOptions()));
    PipelineOptions options;
    options.flush_interval_ms = 1000;
    pipeline = std::make_unique<Pipeline>(options, std::move(inputs), now);
    pipeline->deliver(positions(), now);
  }
  // Positions that say: the input is known, nothing of it is read.
  static FlushReply positions() {
    FlushReply reply;
    reply.kind = FlushReply::Kind::kPositions;
    reply.state.inputs.push_back({"bench", {}, {}});
    return reply;
  }

  std::unique_ptr<FileSystem> files = make_posix_file_system();
  NoWatcher watcher;
  RecordingLog log;
  Now now{1'000'000, 1'795'400'000'000};
  std::unique_ptr<Pipeline> pipeline;
};

void BM_IngestFile(benchmark::State& state) {
  const LogFile log;
  Ingest ingest(log.path());
  uint64_t steady_lines = 0;
  uint64_t steady_allocations = 0;
  for (auto _ : state) {
    ingest.pipeline->deliver(Ingest::positions(), ingest.now);  // from the first byte again
    uint64_t read = 0;
    while (read < kLines) {
      const uint64_t before = allocations();
      Pipeline::Step step = ingest.pipeline->step(ingest.now);
      const uint64_t spent = allocations() - before;
      const uint64_t lines = ingest.pipeline->snapshot(ingest.now).inputs[0].totals.lines_read;
      // Once every client is in the buffer, and no batch was sealed, a line may cost nothing.
      if (read >= kClients * 2 && !step.batch) {
        steady_lines += lines - read;
        steady_allocations += spent;
      }
      read = lines;
      if (step.batch) ingest.pipeline->deliver(FlushReply(), ingest.now);
    }
  }
  state.SetItemsProcessed(int64_t(state.iterations()) * kLines);
  state.SetBytesProcessed(int64_t(state.iterations()) * log.bytes());
  state.counters["steady_lines"] = static_cast<double>(steady_lines);
  state.counters["allocations_in_steady_lines"] = static_cast<double>(steady_allocations);
}
BENCHMARK(BM_IngestFile)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lastseen

BENCHMARK_MAIN();
