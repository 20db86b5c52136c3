// The requests behind a generated log: clients, bodies and targets, the same for the same options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "generated_line.h"

struct RequestOptions {
  uint64_t clients = 10'000;
  uint64_t seed = 1;
  double zipf = 1.05;
  std::string body = "mixed";  ///< mixed (client_id first in 90 %) | last | pretty
};

/// Client k is drawn with a weight of 1 / (k + 1)^exponent.
class Zipf {
 public:
  Zipf(uint64_t count, double exponent);
  uint64_t draw(Random& random) const;

 private:
  std::vector<double> cumulated_;
};

/// Draws one request after the other.
class RequestGenerator {
 public:
  explicit RequestGenerator(const RequestOptions& options);

  /// The next request, as a log of that format would see it.
  Request next(const LogFormat& format);

  const std::vector<std::string>& clients() const { return clients_; }
  /// For what else a line holds.
  Random& random() { return random_; }

 private:
  std::string large_body(std::string_view client);
  std::string small_body(std::string_view client);

  const RequestOptions options_;
  Random random_;
  const Zipf zipf_;
  std::vector<std::string> clients_;
};
