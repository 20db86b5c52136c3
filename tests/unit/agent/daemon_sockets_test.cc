#include "daemon_sockets.h"

#include <gtest/gtest.h>

#include "unit/agent/some_input.h"

namespace lastseen {
namespace {

InputSettings at(const std::string& name, const std::string& path,
                 const std::string& type = "unix_datagram") {
  return some_input(name, path, type);
}

using Fds = std::vector<int>;

TEST(PassedSockets, BelongToTheInputAtTheirPathWhateverItIsCalled) {
  const std::vector<PassedSocket> passed = {{3, "a", "/run/a.sock"}, {4, "c", "/run/c.sock"}};
  EXPECT_EQ((Fds{3, 4}), sockets_of({at("a", "/run/a.sock"), at("c", "/run/c.sock")}, passed));
  EXPECT_EQ((Fds{4, 3}), sockets_of({at("a", "/run/c.sock"), at("f", "/run/a.sock")}, passed));
  EXPECT_EQ((Fds{3, 4}), sockets_of({at("c", "/run/a.sock"), at("a", "/run/c.sock")}, passed));
}

TEST(PassedSockets, BelongToTheInputOfTheirNameWhereThePathIsSpelledOtherwise) {
  const std::vector<PassedSocket> passed = {{3, "a", "/run/a.sock"}, {4, "c", "/run/c.sock"}};
  EXPECT_EQ((Fds{4, -1}), sockets_of({at("c", "/var/run/c.sock"), at("b", "/b")}, passed));
  EXPECT_EQ((Fds{-1, 3}), sockets_of({at("a", "/var/run/x"), at("b", "/run/a.sock")}, passed));
}

TEST(PassedSockets, AreNothingToALogOrAFifoOfTheirName) {
  EXPECT_EQ((Fds{-1, -1, 3}), sockets_of({at("a", "/run/a.sock", "file"),
                                          at("a", "/run/a.sock", "fifo"), at("a", "/x")},
                                         {{3, "a", "/run/a.sock"}}));
}

TEST(PassedSockets, TheControlSocketIsThatAtItsPathOrElseTheOneCalledSo) {
  std::vector<PassedSocket> passed = {{3, "control", "/run/other"}, {4, "x", "/run/control.sock"}};
  EXPECT_EQ(4, take_control_socket("/run/control.sock", passed));
  EXPECT_EQ(3, take_control_socket("/run/control.sock", passed));
  EXPECT_EQ(-1, take_control_socket("/run/control.sock", passed));
}

}  // namespace
}  // namespace lastseen
