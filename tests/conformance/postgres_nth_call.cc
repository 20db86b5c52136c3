// A proxy that knows where a message of PostgreSQL's protocol ends, and nothing else of it
// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/wake_event.h"
#include "conformance/nth_call.h"

namespace lastseen {

namespace {

constexpr const char* kSocketName = "/.s.PGSQL.5432";

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

// One direction of one connection: bytes that are no whole message yet.
struct Flow {
  Descriptor* from;
  Descriptor* to;
  bool starting;  // the first message of a client has no type
  std::string bytes = {};

  /// Of the message in front; 0: it is not whole.
  size_t message() const {
    const size_t type = starting ? 0 : 1;
    if (bytes.size() < type + 4) return 0;
    uint32_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(bytes[type + i]);
    return bytes.size() < type + length ? 0 : type + length;
  }
};

struct Connection {
  Descriptor client;
  Descriptor server;
  Flow up{&client, &server, true};
  Flow down{&server, &client, false};
};

class PostgresNthCall final : public NthCall {
 public:
  explicit PostgresNthCall(StoreSettings settings) : settings_(std::move(settings)) {
    char name[] = "/tmp/lastseen-proxy-XXXXXX";
    directory_ = mkdtemp(name);
    // "host=DIRECTORY …"
    const size_t begin = settings_.url.find("host=") + 5;
    const size_t end = settings_.url.find(' ', begin);
    server_path_ = settings_.url.substr(begin, end - begin) + kSocketName;
    settings_.url.replace(begin, end - begin, directory_);
    listener_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(directory_ + kSocketName);
    CHECK(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(listener_.get(), 16) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~PostgresNthCall() override {
    ending_ = true;
    wake_.wake();
    thread_.join();
    unlink((directory_ + kSocketName).c_str());
    rmdir(directory_.c_str());
  }

  StoreSettings settings() const override { return settings_; }
  void arm(int64_t n, How how) override {
    how_ = how;
    happened_ = false;
    left_ = n;
  }
  bool happened() const override { return happened_; }

 private:
  void run() {
    while (!ending_) {
      std::vector<pollfd> waits = {{wake_.fd(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      for (Connection& each : connections_) {
        waits.push_back({each.client.get(), POLLIN, 0});
        waits.push_back({each.server.get(), POLLIN, 0});
      }
      poll(waits.data(), waits.size(), -1);
      size_t place = 2;
      for (auto each = connections_.begin(); each != connections_.end(); place += 2) {
        const bool lives = (waits[place].revents == 0 || pass(each->up)) &&
                           (waits[place + 1].revents == 0 || pass(each->down));
        each = lives ? std::next(each) : connections_.erase(each);
      }
      if (waits[1].revents != 0) accept_one();
    }
  }

  void accept_one() {
    Connection& made = connections_.emplace_back();
    made.client = Descriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    made.server = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(server_path_);
    if (connect(made.server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address))
      connections_.pop_back();
  }

  // False: the connection has ended.
  bool pass(Flow& flow) {
    char buffer[65536];
    const ssize_t got = read(flow.from->get(), buffer, sizeof buffer);
    if (got <= 0) return false;
    flow.bytes.append(buffer, static_cast<size_t>(got));
    while (const size_t length = flow.message()) {
      flow.starting = false;
      const bool cut = left_ > 0 && --left_ == 0;
      if (!cut || how_ == How::kRefused)
        if (!send_all(*flow.to, flow.bytes.substr(0, length))) return false;
      flow.bytes.erase(0, length);
      if (cut) happened_ = true;
      if (cut) return false;
    }
    return true;
  }

  static bool send_all(const Descriptor& to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  StoreSettings settings_;
  std::string directory_;
  std::string server_path_;
  Descriptor listener_;
  WakeEvent wake_;
  std::list<Connection> connections_;
  std::atomic<int64_t> left_ = 0;
  std::atomic<How> how_ = How::kFails;
  std::atomic<bool> happened_ = false;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<NthCall> make_postgres_nth_call(StoreSettings settings) {
  return std::make_unique<PostgresNthCall>(std::move(settings));
}

}  // namespace lastseen
