// Lines from a stream socket with many writers, a fifo, or standard input.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "source/feeds_by_type.h"
#include "source/socket_feed.h"

namespace lastseen {

namespace {

// Writers at a time. Others are turned away, so that they notice and say so: one that waits to be
// accepted would block in its first write instead.
constexpr size_t kConnectionsMax = 1024;

// One read. The writer's side of a Unix socket holds 208 KiB by default, a pipe 64 KiB.
constexpr size_t kReadBytes = 64 * 1024;

// What unfinished lines of all writers may take together, beside one of the greatest length.
constexpr size_t kUnfinishedBytesMax = size_t{32} << 20;

constexpr int kEventsMax = 64;

// So many reads at the end of what cannot be closed to its writers first: a fifo, standard input.
constexpr int kLastReadsMax = 32;

// How long nothing is received or accepted after the process had no descriptor left for it.
constexpr int kAcceptAgainMs = 1000;

struct Writer {
  Descriptor fd;
  std::string unfinished;   // the beginning of its line
  bool discarding = false;  // its line was given up; bytes up to the newline are dropped
};

// Whether the other end writes nothing more.
bool has_hung_up(int fd) {
  pollfd end = {fd, POLLRDHUP, 0};
  return ::poll(&end, 1, 0) == 1;
}

class StreamFeed final : public SocketFeed {
 public:
  using SocketFeed::SocketFeed;

 private:
  enum class Read { kSome, kNothing, kEnd };

  Result<FeedSocket> make_socket() override;
  void receive() override;
  void begin_to_wait();
  bool wait(int timeout_ms);
  void receive_last();
  void receive_last_of_newcomers();
  void receive_last_of(Writer& writer, int fd);
  bool watch(int fd);
  void accept_all();
  bool serve(int fd);
  Read read_from(Writer& writer, int fd);
  void frame(Writer& writer, std::string_view bytes);
  void keep(Writer& writer, std::string_view bytes);
  void give_up(Writer& writer);
  void finish(Writer& writer);
  void put_all(std::span<const std::string_view> lines);
  bool is_listener() const { return type_ == "unix_stream"; }
  bool at_end_of_fifo();
  void count_writers();

  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  Descriptor epoll_;
  std::map<int, Writer> writers_;  // by descriptor
  Writer only_;                    // of a fifo or standard input, whose descriptor is socket_
  std::vector<std::string_view> lines_;
  std::string first_line_;
  size_t unfinished_bytes_ = 0;
  bool always_ready_ = false;  // a regular file as standard input: epoll does not take it
  bool accepting_ = false;
};

Result<FeedSocket> StreamFeed::make_socket() {
  if (type_ == "fifo") return FeedSocket::open_fifo(settings());
  if (type_ == "stdin") return FeedSocket::of_descriptor(STDIN_FILENO);
  if (passed()) return FeedSocket::adopt(settings(), passed_fd_, SOCK_STREAM);
  return FeedSocket::make(settings(), SOCK_STREAM);
}

void StreamFeed::receive() {
  begin_to_wait();
  while (!ending()) {
    const uint64_t asked = queue_->asked();
    if (!wait(0)) break;
    queue_->all_in(asked);
    if (queue_->asked() != asked) continue;  // the wake-up for it may be used up
    if (!wait(accepting_ || always_ready_ ? -1 : kAcceptAgainMs)) break;
    if (!accepting_ && !always_ready_) accepting_ = watch(socket_.fd());
  }
  if (ending()) receive_last();
  writers_.clear();
}

// Without a descriptor to wait with, what is written waits in the kernel.
void StreamFeed::begin_to_wait() {
  while (!ending()) {
    epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
    if (wake_.open() && epoll_.is_open() && watch(wake_.fd())) break;
    pollfd wake = {wake_.fd(), POLLIN, 0};
    ::poll(&wake, 1, kAcceptAgainMs);
    wake_.clear();
  }
  accepting_ = watch(socket_.fd());
  always_ready_ = !accepting_ && errno == EPERM;
}

// Serves who is ready, for as long as there is somebody when `timeout_ms` is 0; false at the end
// of the only writer.
bool StreamFeed::wait(int timeout_ms) {
  std::array<epoll_event, kEventsMax> events;
  for (;;) {
    const int wait_ms = always_ready_ ? 0 : timeout_ms;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, wait_ms);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == wake_.fd()) {
        wake_.clear();
      } else if (fd == socket_.fd() && is_listener()) {
        accept_all();
      } else if (!serve(fd)) {
        return false;
      }
    }
    if (always_ready_ && !serve(socket_.fd())) return false;
    if (timeout_ms != 0 || ready <= 0 || ending()) return true;
  }
}

// What has arrived by now: from each writer, and of a socket of our own also from those who have
// connected; those of one that was passed in are for the next process.
void StreamFeed::receive_last() {
  if (!is_listener()) return receive_last_of(only_, socket_.fd());
  if (!passed()) ::shutdown(socket_.fd(), SHUT_RD);  // nobody connects any more
  for (auto& [fd, writer] : writers_) receive_last_of(writer, fd);
  writers_.clear();
  if (!passed()) receive_last_of_newcomers();
}

// One after the other, so that neither descriptors nor the limit of connections run out.
void StreamFeed::receive_last_of_newcomers() {
  for (;;) {
    Writer writer;
    writer.fd = Descriptor(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!writer.fd.is_open()) return;
    receive_last_of(writer, writer.fd.get());
  }
}

// A connection is closed to its writer first: whatever a write was told to have taken is read, and
// later ones fail. Reading then comes to an end in any case, so whether the writer had closed its
// end is asked before. A line that is not whole is nobody's.
void StreamFeed::receive_last_of(Writer& writer, int fd) {
  const bool had_ended = is_listener() && has_hung_up(fd);
  if (is_listener()) ::shutdown(fd, SHUT_RD);
  Read got = Read::kSome;
  for (int reads = 0; got == Read::kSome && (is_listener() || reads < kLastReadsMax); ++reads)
    got = read_from(writer, fd);
  if (is_listener() ? had_ended : got == Read::kEnd) finish(writer);
  if (!writer.unfinished.empty()) queue_->lose(LossReason::kTruncated, 0, writer.unfinished.size());
}

bool StreamFeed::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void StreamFeed::accept_all() {
  for (;;) {
    Descriptor accepted(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted.is_open()) {
      // Out of descriptors: it would stay ready, and this loop would spin.
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_.fd(), nullptr);
        accepting_ = false;
      }
      break;
    }
    if (writers_.size() >= kConnectionsMax || !watch(accepted.get())) {
      queue_->tell([](FeedNumbers& numbers) { ++numbers.refused; });
      continue;
    }
    const int fd = accepted.get();
    writers_[fd].fd = std::move(accepted);
  }
  count_writers();
}

void StreamFeed::count_writers() {
  queue_->tell([&](FeedNumbers& numbers) { numbers.connections = writers_.size(); });
}

// False: that was the only writer, and it has ended.
bool StreamFeed::serve(int fd) {
  if (!is_listener()) {
    if (read_from(only_, fd) != Read::kEnd) return true;
    finish(only_);
    return type_ == "fifo" && at_end_of_fifo();
  }
  const auto found = writers_.find(fd);
  if (found == writers_.end()) return true;  // closed by an event before this one
  if (read_from(found->second, fd) == Read::kEnd) {
    finish(found->second);
    writers_.erase(found);
    count_writers();
  }
  return true;
}

// The last writer of a fifo has gone; only a new descriptor waits for the next one. It is open
// before the old one is closed, so that no writer finds the fifo without a reader.
bool StreamFeed::at_end_of_fifo() {
  Descriptor next(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!next.is_open() || !watch(next.get())) return false;
  set_socket(FeedSocket::of_descriptor(next.release()));
  return true;
}

StreamFeed::Read StreamFeed::read_from(Writer& writer, int fd) {
  if (type_ == "stdin") {
    // It is shared with other processes, so it is not made non-blocking.
    pollfd ready = {fd, POLLIN, 0};
    if (::poll(&ready, 1, 0) == 0) return Read::kNothing;
  }
  const ssize_t got = ::read(fd, bytes_.get(), kReadBytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Read::kNothing;
  if (got <= 0) return Read::kEnd;
  frame(writer, {bytes_.get(), static_cast<size_t>(got)});
  return Read::kSome;
}

void StreamFeed::frame(Writer& writer, std::string_view bytes) {
  lines_.clear();
  const size_t max = line_bytes_max();
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    if (newline == bytes.npos) break;
    const std::string_view line = bytes.substr(0, newline + 1);
    bytes.remove_prefix(newline + 1);
    if (writer.discarding) {
      writer.discarding = false;
    } else if (writer.unfinished.size() + newline > max) {
      unfinished_bytes_ -= writer.unfinished.size();
      std::string().swap(writer.unfinished);
      queue_->skip(SkipReason::kLineTooLong);
    } else if (!writer.unfinished.empty()) {
      unfinished_bytes_ -= writer.unfinished.size();
      first_line_ = std::exchange(writer.unfinished, {});
      first_line_ += line;
      lines_.push_back(first_line_);
    } else {
      lines_.push_back(line);
    }
  }
  put_all(lines_);
  if (!writer.discarding && !bytes.empty()) keep(writer, bytes);
}

// The beginning of a line, or more of it.
void StreamFeed::keep(Writer& writer, std::string_view bytes) {
  const size_t max = line_bytes_max();
  writer.unfinished += bytes;
  unfinished_bytes_ += bytes.size();
  if (writer.unfinished.size() > max) {
    queue_->skip(SkipReason::kLineTooLong);
    give_up(writer);
  } else if (unfinished_bytes_ > kUnfinishedBytesMax + max) {
    queue_->lose(LossReason::kQueueFull, 1, 0);
    give_up(writer);
  }
}

void StreamFeed::give_up(Writer& writer) {
  unfinished_bytes_ -= writer.unfinished.size();
  std::string().swap(writer.unfinished);
  writer.discarding = true;
}

// The writer has closed its end: what it wrote last is a line also without a newline.
void StreamFeed::finish(Writer& writer) {
  unfinished_bytes_ -= writer.unfinished.size();
  const std::string last = std::exchange(writer.unfinished, {});
  writer.discarding = false;
  if (last.empty()) return;
  const std::string_view line = last;
  put_all({&line, 1});
}

// Writers go at the reader's pace. That one never waits for a database, so this wait is short.
void StreamFeed::put_all(std::span<const std::string_view> lines) {
  for (;;) {
    lines = lines.subspan(queue_->put(lines));
    if (lines.empty()) return;
    if (queue_->wait_for_room(lines[0].size())) continue;
    return queue_->lose(LossReason::kQueueFull, lines.size(), 0);
  }
}

}  // namespace

std::shared_ptr<Feed> make_stream_feed(const InputSettings& input, std::shared_ptr<FeedQueue> queue,
                                       Log& log, int passed_fd) {
  return std::make_shared<StreamFeed>(input, std::move(queue), log, passed_fd);
}

}  // namespace lastseen
