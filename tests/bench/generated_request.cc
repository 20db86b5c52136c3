#include "generated_request.h"

#include <algorithm>
#include <cmath>

namespace {

std::string client_name(uint64_t k) {
  static constexpr std::string_view kPlaces[] = {"ARAUC", "XALAP", "BRUNO", "CANOT", "OAXAC",
                                                 "MERID", "TOLUC", "PUEBL", "TEPIC", "COLIM"};
  std::string name(kPlaces[k % 10]);
  name += '_';
  name += kPlaces[k / 10 % 10];
  name += '_';
  name += std::to_string(k);
  return name;
}

}  // namespace

Zipf::Zipf(uint64_t count, double exponent) : cumulated_(count) {
  double sum = 0;
  for (uint64_t k = 0; k < count; ++k) {
    sum += std::pow(static_cast<double>(k + 1), -exponent);
    cumulated_[k] = sum;
  }
}

uint64_t Zipf::draw(Random& random) const {
  const double at = random.unit() * cumulated_.back();
  const auto found = std::upper_bound(cumulated_.begin(), cumulated_.end(), at);
  return std::min<uint64_t>(static_cast<uint64_t>(found - cumulated_.begin()),
                            cumulated_.size() - 1);
}

RequestGenerator::RequestGenerator(const RequestOptions& options)
    : options_(options), random_(options.seed), zipf_(options.clients, options.zipf) {
  clients_.reserve(options.clients);
  for (uint64_t k = 0; k < options.clients; ++k) clients_.push_back(client_name(k));
}

/// A body with what misleads a careless reader: the key nested, in a text, and quotes escaped.
std::string RequestGenerator::large_body(std::string_view client) {
  const bool last = options_.body == "last" || (options_.body == "mixed" && random_.below(10) == 0);
  const bool pretty = options_.body == "pretty";
  const std::string_view gap = pretty ? " " : "";
  const std::string_view fold = pretty ? "\n  " : "";
  const std::string key = "\"client_id\":" + std::string(gap) + '"' + std::string(client) + '"';
  std::string body = "{";
  body += fold;
  if (!last) body.append(key).append(",").append(fold);
  body.append("\"operation\":").append(gap).append("\"create\",").append(fold);
  body.append("\"records\":").append(gap).append("[{\"id\":").append(gap);
  body += std::to_string(random_.below(1'000'000'000));
  body +=
      ",\"client_id\":\"decoy\",\"note\":\"say \\\"client_id\\\": "
      "no\",\"city\":\"Córdoba\"},{\"id\":";
  body += std::to_string(random_.below(1'000'000'000));
  body += ",\"amount\":" + std::to_string(random_.below(100'000)) +
          ".25,\"table\":\"CANOTA\"},{\"id\":";
  body += std::to_string(random_.below(1'000'000'000));
  body += ",\"place\":{\"client_id\":\"nested\",\"street\":\"Insurgentes Sur\"},\"tags\":[]}]";
  if (last) body.append(",").append(fold).append(key);
  if (pretty) body += '\n';
  return body + "}";
}

/// As short as most bodies of the corpus.
std::string RequestGenerator::small_body(std::string_view client) {
  std::string body = R"({"operation":"create","table_name":"CANOTA",)";
  const std::string key = "\"client_id\":\"" + std::string(client) + '"';
  const bool last = options_.body == "last";
  if (!last) body.append(key).append(",");
  body += R"("records":[{"id":)" + std::to_string(random_.below(100'000));
  body += R"(,"qty":3,"name":"tuerca"}])";
  if (last) body.append(",").append(key);
  return body + "}";
}

Request RequestGenerator::next(const LogFormat& format) {
  Request request;
  const uint64_t kind = random_.below(10);
  const uint64_t client = zipf_.draw(random_);
  if (kind < 9) request.client = static_cast<int64_t>(client);
  if (kind < 6 && format.body != BodySize::kNone) {
    request.method = "POST";
    request.uri = "/items";
    request.body = format.body == BodySize::kLarge ? large_body(clients_[client])
                                                   : small_body(clients_[client]);
  } else if (kind < 9) {
    request.method = kind < 6 ? "POST" : "GET";
    request.uri = "/items?operation=list&page=" + std::to_string(random_.below(100)) +
                  "&client_id=" + clients_[client];
  } else {
    request.method = "GET";
    request.uri = "/health?probe=" + std::to_string(random_.below(1000));
  }
  return request;
}
