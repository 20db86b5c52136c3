// One datagram, one record: what nginx and HAProxy send to a Unix socket.
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <vector>

#include "source/feeds_by_type.h"
#include "source/socket_feed.h"

namespace lastseen {

namespace {

// Taken in with one system call. More gains nothing: the kernel rarely lets so many wait.
constexpr size_t kSlots = 32;

// The longest datagram. A sender's is at most its SO_SNDBUF less some bytes: 212,960 by default
// (net.core.wmem_default). What no datagram reaches of a slot is never touched, so takes no memory.
constexpr size_t kSlotBytes = 256 * 1024;

// So many calls at a stop; a sender that never rests must not hold it up.
constexpr int kLastCallsMax = 256;

// For systems that grant no real-time priority.
constexpr int kNice = -15;

// How often it is looked whether the feed ends, without a descriptor to be woken by.
constexpr int kWakeAgainMs = 1000;

// Asks that this thread runs as soon as a datagram arrives, before others of the machine: it takes
// microseconds, and the kernel does not keep datagrams for long. Of 20,000 requests a second of
// nginx with the kernel's default of 11 datagrams on two busy cores, 82 % arrive without, 98.5 %
// with the nice value and 99.9 % with the real-time priority. Needs CAP_SYS_NICE or LimitRTPRIO=;
// where that is missing nothing changes.
void run_at_once() {
  sched_param lowest{};
  lowest.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0) return;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

class DatagramFeed final : public SocketFeed {
 public:
  using SocketFeed::SocketFeed;

 private:
  Result<FeedSocket> make_socket() override;
  void receive() override;
  size_t receive_some();
  void take(size_t slot, size_t length);
  void receive_last();

  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(kSlots * kSlotBytes);
  std::array<mmsghdr, kSlots> messages_{};
  std::array<iovec, kSlots> places_{};
  std::vector<std::string_view> records_;
};

Result<FeedSocket> DatagramFeed::make_socket() {
  if (passed()) return FeedSocket::adopt(settings(), passed_fd_, SOCK_DGRAM);
  Result<FeedSocket> made = FeedSocket::make(settings(), SOCK_DGRAM);
  const int waiting = kernel_datagrams_max();
  if (made && waiting >= 0 && waiting < kDatagramsAdvised) {
    log_.warn("the kernel lets only " + std::to_string(waiting + 1) +
                  " datagrams wait in a socket, and a proxy drops what comes beyond them; set "
                  "sysctl net.unix.max_dgram_qlen=" +
                  std::to_string(kDatagramsAdvised) + " and restart, since a new socket reads it",
              {{"input", name()}});
  }
  return made;
}

void DatagramFeed::receive() {
  run_at_once();
  for (size_t i = 0; i < kSlots; ++i) {
    places_[i] = {bytes_.get() + i * kSlotBytes, kSlotBytes};
    messages_[i].msg_hdr.msg_iov = &places_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
  while (!ending()) {
    const uint64_t asked = queue_->asked();
    if (receive_some() > 0) continue;
    queue_->all_in(asked);
    const int wait_ms = wake_.fd() >= 0 ? -1 : kWakeAgainMs;
    wake_.open();
    pollfd waits[] = {{socket_.fd(), POLLIN, 0}, {wake_.fd(), POLLIN, 0}};
    ::poll(waits, 2, wait_ms);
    if (waits[1].revents != 0) wake_.clear();
  }
  receive_last();
}

// How many datagrams there were.
size_t DatagramFeed::receive_some() {
  // MSG_TRUNC: tells the whole length also of a datagram that was cut.
  const int got =
      ::recvmmsg(socket_.fd(), messages_.data(), kSlots, MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (got <= 0) return 0;
  records_.clear();
  for (int i = 0; i < got; ++i) take(static_cast<size_t>(i), messages_[i].msg_len);
  const size_t put = queue_->put(records_);
  if (put < records_.size()) {
    queue_->lose(LossReason::kQueueFull, records_.size() - put, 0);
  }
  return static_cast<size_t>(got);
}

void DatagramFeed::take(size_t slot, size_t length) {
  if (length > kSlotBytes) {
    // Longer than any line may be: no loss, but what happens to such lines everywhere.
    if (length > line_bytes_max()) {
      queue_->skip(SkipReason::kLineTooLong);
    } else {
      queue_->lose(LossReason::kTruncated, 1, 0);
    }
    return;
  }
  records_.emplace_back(bytes_.get() + slot * kSlotBytes, length);
}

// A socket of our own is closed to senders first, so that none of what they could send is lost;
// what waits in one that was passed in is for the next process as well.
void DatagramFeed::receive_last() {
  if (!passed()) ::shutdown(socket_.fd(), SHUT_RD);
  for (int calls = 0; calls < kLastCallsMax; ++calls) {
    int waiting = 0;  // bytes of the next datagram
    if (::ioctl(socket_.fd(), SIOCINQ, &waiting) != 0 || waiting == 0) return;
    if (receive_some() == 0) return;
  }
}

}  // namespace

std::shared_ptr<Feed> make_datagram_feed(const InputSettings& input,
                                         std::shared_ptr<FeedQueue> queue, Log& log,
                                         int passed_fd) {
  return std::make_shared<DatagramFeed>(input, std::move(queue), log, passed_fd);
}

}  // namespace lastseen
