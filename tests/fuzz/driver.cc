// Runs a fuzzer without libFuzzer: FUZZER CORPUS [SECONDS]. Every input that was kept, each of them
// with its beginnings, and then seeded mutants of them.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "parsers/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr double kSecondsDefault = 1.0;
constexpr size_t kPrefixesMax = 64;  // of one input
constexpr unsigned kSeed = 20261122;

void try_one(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

/// One input a line, in base64 and quotes.
std::vector<std::string> read_corpus(const char* path) {
  std::vector<std::string> inputs;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::string input;
    if (line.size() < 2 || !lastseen::decode_base64(line.substr(1, line.size() - 2), &input)) {
      std::fprintf(stderr, "%s: no input: %s\n", path, line.c_str());
      std::exit(1);
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

class Mutants {
 public:
  explicit Mutants(const std::vector<std::string>& inputs) : inputs_(inputs) {}

  std::string next() {
    std::string mutant = inputs_.empty() ? std::string() : inputs_[below(inputs_.size())];
    for (size_t edits = 1 + below(4); edits > 0; --edits) change(&mutant);
    return mutant;
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  void change(std::string* text) {
    constexpr std::string_view kOdd = "\"\\{}[]:,|#%$&=?+- \t\n\r\x00\xff\xc3u";
    const size_t at = below(text->size() + 1);
    const char odd = below(2) == 0 ? kOdd[below(kOdd.size())] : static_cast<char>(random_());
    switch (below(5)) {
      case 0:
        text->insert(at, 1, odd);
        return;
      case 1:
        text->erase(at, 1 + below(8));
        return;
      case 2:
        if (at < text->size()) (*text)[at] = odd;
        return;
      case 3:
        text->insert(at, text->substr(below(text->size() + 1), below(32)));
        return;
      default:
        if (inputs_.empty()) return;
        const std::string& other = inputs_[below(inputs_.size())];
        const size_t from = below(other.size() + 1);
        text->replace(at, below(16), other.substr(from, below(64)));
    }
  }

  const std::vector<std::string>& inputs_;
  std::mt19937_64 random_{kSeed};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [SECONDS]\n", argv[0]);
    return 2;
  }
  const std::vector<std::string> inputs = read_corpus(argv[1]);
  for (const std::string& input : inputs) {
    const size_t step = input.size() / kPrefixesMax + 1;
    for (size_t size = 0; size < input.size(); size += step) try_one(input.substr(0, size));
    try_one(input);
  }
  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> seconds(argc > 2 ? std::atof(argv[2]) : kSecondsDefault);
  const auto start = Clock::now();
  Mutants mutants(inputs);
  uint64_t tried = 0;
  for (; Clock::now() - start < seconds; ++tried) try_one(mutants.next());
  std::printf("%zu inputs kept, %llu mutants\n", inputs.size(),
              static_cast<unsigned long long>(tried));
  return 0;
}
