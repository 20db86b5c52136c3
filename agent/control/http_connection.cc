#include "control/http_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace lastseen {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

// Read at once while waiting for a request; most fit whole.
constexpr size_t kReadChunk = 4096;

// Root and the agent's own user may change things; over TCP nobody can be known.
bool peer_may_change(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// The answer to a request that could not be read; nullopt where the peer went away or was slow.
std::optional<ControlResponse> response_to(const error_code& error) {
  static const auto& http_category = http::make_error_code(http::error::end_of_stream).category();
  if (error.category() != http_category || error == http::error::end_of_stream ||
      error == http::error::partial_message) {
    return std::nullopt;
  }
  if (error == http::error::body_limit) return error_response(413, "the body is too large");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return error_response(431, "the header is too large");
  return error_response(400, "not an HTTP/1.1 request: " + error.message());
}

// One client. Its pending operation keeps it alive; HttpShared::open knows it until close().
class BeastConnection final : public HttpConnection,
                              public std::enable_shared_from_this<BeastConnection> {
 public:
  BeastConnection(HttpShared& shared, bool over_tcp)
      : shared_(shared),
        stream_(*shared.io),
        over_tcp_(over_tcp),
        body_timer_(*shared.io),
        buffer_(buffer_max(shared.limits)) {}

  bool over_tcp() const override { return over_tcp_; }

  void serve(int family, int fd) {
    error_code error;
    may_change_ = !over_tcp_ && peer_may_change(fd);
    stream_.socket().assign({family, 0}, fd, error);
    if (error) {
      ::close(fd);
      return close();
    }
    read_request();
  }

  void stop() override {
    switch (phase_) {
      case Phase::kReading:
        return close();
      case Phase::kWaiting:
        return respond(serial_, error_response(503, "the agent is stopping"));
      case Phase::kWriting:
        return;  // written() sees that the server stops
      case Phase::kStreaming:
        return close();
    }
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();  // The set may hold the last reference.
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.close();
    body_timer_.cancel();
    body_stream_.reset();
    shared_.open.erase(self);
    if (shared_.on_close) shared_.on_close();
  }

 private:
  using Protocol = asio::generic::stream_protocol;
  enum class Phase {
    kReading,    // a request, or waiting for the next
    kWaiting,    // for the route's answer
    kWriting,    // the response, or reading off the rest of a refused request
    kStreaming,  // a body without an end
  };

  static size_t buffer_max(const HttpLimits& limits) {
    return limits.header_bytes_max + limits.body_bytes_max + kReadChunk;
  }

  void wait_for_request() {
    phase_ = Phase::kReading;
    if (buffer_.size() > 0) return read_request();
    stream_.expires_after(milliseconds(shared_.limits.idle_timeout));
    stream_.async_read_some(buffer_.prepare(kReadChunk),
                            [self = shared_from_this()](error_code error, size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read_request();
                            });
  }

  void read_request() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.limits.header_bytes_max));
    parser_->body_limit(shared_.limits.body_bytes_max);
    stream_.expires_after(milliseconds(shared_.limits.read_timeout));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->request_read(error); });
  }

  void request_read(const error_code& error) {
    if (closed_) return;
    ++serial_;
    if (error) {
      auto refusal = response_to(error);
      if (!refusal) return close();
      refused_ = true;
      phase_ = Phase::kWaiting;
      return respond(serial_, std::move(*refusal));
    }
    phase_ = Phase::kWaiting;
    stream_.expires_never();
    watch_peer();
    const auto& request = parser_->get();
    shared_.routes.handle(
        {.method = {request.method_string().data(), request.method_string().size()},
         .target = {request.target().data(), request.target().size()},
         .over_tcp = over_tcp_,
         .may_change = may_change_},
        [io = shared_.io, weak = weak_from_this(), serial = serial_](ControlResponse response) {
          asio::post(*io, [weak, serial, response = std::move(response)]() mutable {
            if (const auto self = weak.lock()) self->respond(serial, std::move(response));
          });
        });
  }

  // Notices a peer that closed while its flush waits, so that it does not keep its place. Only
  // errors and a full close wake this: a half-closed peer still wants its answer.
  void watch_peer() {
    stream_.socket().async_wait(asio::socket_base::wait_error,
                                [self = shared_from_this(), serial = serial_](error_code error) {
                                  const bool waits = self->phase_ == Phase::kWaiting ||
                                                     self->phase_ == Phase::kStreaming;
                                  if (!error && waits && self->serial_ == serial) self->close();
                                });
  }

  // `serial` says which request this answers; a late answer to one that is over is dropped.
  void respond(uint64_t serial, ControlResponse answer) {
    if (closed_ || phase_ != Phase::kWaiting || serial != serial_) return;
    const bool head = !refused_ && parser_->get().method() == http::verb::head;
    if (answer.stream && !head) return begin_stream(std::move(answer));
    phase_ = Phase::kWriting;
    error_code ignored;
    stream_.socket().cancel(ignored);  // watch_peer()
    const auto& request = parser_->get();
    const unsigned version = refused_ ? 11 : request.version();
    response_.emplace(static_cast<http::status>(answer.status), version);
    response_->set(http::field::server, "lastseen/" LASTSEEN_VERSION);
    response_->set(http::field::content_type,
                   {answer.content_type.data(), answer.content_type.size()});
    response_->set(http::field::cache_control, "no-store");
    if (!answer.allow.empty()) response_->set(http::field::allow, answer.allow);
    response_->keep_alive(!refused_ && !shared_.stopping && request.keep_alive());
    response_->content_length(answer.body.size());
    if (!head) response_->body() = answer.body;
    stream_.expires_after(milliseconds(shared_.limits.write_timeout));
    http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
      self->written(error);
    });
  }

  void written(const error_code& error) {
    if (closed_) return;
    const bool keep_alive = response_->keep_alive();
    response_.reset();
    if (error) return close();
    if (refused_ && !shared_.stopping) return linger();
    if (!keep_alive || shared_.stopping) return close();
    wait_for_request();
  }

  // The body ends with the connection. A client that reads slowly is waited for: what it misses is
  // bounded and counted where the body comes from.
  void begin_stream(ControlResponse answer) {
    phase_ = Phase::kStreaming;
    body_stream_ = std::move(answer.stream);
    body_ = "HTTP/1.1 200 OK\r\nServer: lastseen/" LASTSEEN_VERSION "\r\nContent-Type: ";
    body_.append(answer.content_type);
    body_ += "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
    write_stream();
  }

  void write_stream() {
    asio::async_write(stream_.socket(), asio::buffer(body_),
                      [self = shared_from_this()](error_code error, size_t) {
                        if (error) return self->close();
                        self->wait_for_body();
                      });
  }

  void wait_for_body() {
    if (closed_) return;
    body_timer_.expires_after(milliseconds(kTapEveryMs));
    body_timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->closed_) return;
      std::optional<std::string> more = self->body_stream_->take();
      if (!more) return self->close();
      if (more->empty()) return self->wait_for_body();
      self->body_ = std::move(*more);
      self->write_stream();
    });
  }

  // Reads off what a refused request still sends. Closing at once would reset the connection,
  // and the client might never see why it was refused (RFC 9112, 9.6).
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    stream_.expires_after(milliseconds(shared_.limits.linger_timeout));
    discard(shared_.limits.linger_bytes_max);
  }

  void discard(size_t bytes_left) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kReadChunk), [self = shared_from_this(), bytes_left](
                                                             error_code error, size_t bytes) {
      if (error || bytes >= bytes_left || self->shared_.stopping) return self->close();
      self->discard(bytes_left - bytes);
    });
  }

  HttpShared& shared_;
  beast::basic_stream<Protocol> stream_;
  const bool over_tcp_;
  bool may_change_ = false;
  bool refused_ = false;  // the request could not be read: answer, then close
  bool closed_ = false;
  Phase phase_ = Phase::kReading;
  uint64_t serial_ = 0;
  std::shared_ptr<BodyStream> body_stream_;
  std::string body_;  // a piece of it that is being written
  asio::steady_timer body_timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

}  // namespace

void HttpConnection::start(HttpShared& shared, int family, int fd) {
  const auto connection = std::make_shared<BeastConnection>(shared, family != AF_UNIX);
  shared.open.insert(connection);
  connection->serve(family, fd);
}

}  // namespace lastseen
