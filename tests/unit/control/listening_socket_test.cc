#include "control/listening_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "fakes/temp_dir.h"
#include "unit/control/http_client.h"

namespace lastseen {
namespace {

using ::testing::HasSubstr;

class ListeningSocketTest : public ::testing::Test {
 protected:
  Result<ListeningSocket> listen(int mode = 0660) { return ListeningSocket::at_path(path_, mode); }
  bool answers() const { return HttpClient::on_unix(path_).connected(); }
  // A socket file on which nobody listens, as a killed agent leaves it.
  void leave_dead_socket(int type = SOCK_STREAM) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    const int fd = ::socket(AF_UNIX, type, 0);
    ASSERT_EQ(0, ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    ::close(fd);
  }
  int mode_of_file() const {
    struct stat info {};
    EXPECT_EQ(0, ::lstat(path_.c_str(), &info));
    return info.st_mode & 07777;
  }

  TempDir dir_;
  std::string path_ = dir_ / "control.sock";
};

TEST_F(ListeningSocketTest, FreePathAnswersUntilDestroyed) {
  {
    const auto socket = listen();
    ASSERT_TRUE(socket) << socket.status().message();
    EXPECT_TRUE(answers());
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListeningSocketTest, SocketOfADeadAgentIsReplaced) {
  leave_dead_socket();
  const auto socket = listen();
  EXPECT_TRUE(socket) << socket.status().message();
  EXPECT_TRUE(answers());
}

TEST_F(ListeningSocketTest, SocketOfALiveAgentIsRefusedAndKept) {
  const auto first = listen();
  const auto second = listen();
  EXPECT_EQ(StatusCode::kFatal, second.status().code());
  EXPECT_THAT(second.status().message(), HasSubstr("another agent answers on " + path_));
  EXPECT_TRUE(answers());
}

TEST_F(ListeningSocketTest, LiveAgentWithAFullBacklogIsStillAlive) {
  const auto first = listen();
  ASSERT_EQ(0, ::listen(first->fd(), 0));
  const HttpClient waiting = HttpClient::on_unix(path_);
  EXPECT_EQ(StatusCode::kFatal, listen().status().code());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListeningSocketTest, FileIsRefusedAndKept) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(StatusCode::kFatal, listen().status().code());
  EXPECT_THAT(listen().status().message(), HasSubstr("not a socket"));
  EXPECT_EQ(8u, std::filesystem::file_size(path_));
}

TEST_F(ListeningSocketTest, DirectoryAndSymbolicLinkAreRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(StatusCode::kFatal, listen().status().code());
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/nowhere", path_);
  EXPECT_EQ(StatusCode::kFatal, listen().status().code());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(ListeningSocketTest, SocketOfAnotherKindIsRefusedAndKept) {
  leave_dead_socket(SOCK_DGRAM);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  ::unlink(path_.c_str());
  ASSERT_EQ(0, ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  EXPECT_FALSE(listen());
  EXPECT_TRUE(std::filesystem::exists(path_));
  ::close(fd);
}

TEST_F(ListeningSocketTest, ModeIsExactWhateverTheUmask) {
  for (const mode_t mask : {0000u, 0022u, 0077u}) {
    const mode_t before = ::umask(mask);
    for (const int mode : {0600, 0660, 0666}) {
      const auto socket = listen(mode);
      EXPECT_EQ(mode, mode_of_file()) << "umask " << mask;
    }
    ::umask(before);
  }
}

TEST_F(ListeningSocketTest, LastMissingDirectoryIsMade) {
  path_ = dir_ / "run/control.sock";
  EXPECT_TRUE(listen());
}

TEST_F(ListeningSocketTest, TwoMissingDirectoriesAreAClearError) {
  path_ = dir_ / "run/lastseen/control.sock";
  const auto socket = listen();
  EXPECT_EQ(StatusCode::kRetry, socket.status().code());
  EXPECT_EQ("control socket " + path_ + ": cannot make the directory " + (dir_ / "run/lastseen") +
                ": No such file or directory: make it possible or set control.socket",
            socket.status().message());
}

TEST_F(ListeningSocketTest, LongestPathWorksAndOneMoreIsAClearError) {
  path_ = dir_ / "";
  path_.append(107 - path_.size(), 's');
  EXPECT_TRUE(listen());
  path_ += "s";
  const auto socket = listen();
  EXPECT_EQ(StatusCode::kFatal, socket.status().code());
  EXPECT_THAT(socket.status().message(), HasSubstr("the path has 108 bytes"));
}

TEST_F(ListeningSocketTest, FileOfASuccessorIsNotRemoved) {
  std::optional<Result<ListeningSocket>> first(listen());
  std::filesystem::remove(path_);
  const auto second = listen();
  first.reset();
  EXPECT_TRUE(answers());
}

TEST(ListeningPort, GoodAddressesListen) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", ":0"}) {
    const auto socket = ListeningSocket::at_host_port(address);
    ASSERT_TRUE(socket) << address << ": " << socket.status().message();
    EXPECT_GT(socket->port(), 0);
    EXPECT_TRUE(socket->is_tcp());
  }
}

TEST(ListeningPort, BadAddressesAreNamed) {
  for (const char* address :
       {"9464", "localhost", "localhost:", "localhost:http", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:123456", "::1:9464", "127.0.0.1: 80"}) {
    const auto socket = ListeningSocket::at_host_port(address);
    EXPECT_EQ(StatusCode::kFatal, socket.status().code()) << address;
    EXPECT_THAT(socket.status().message(), HasSubstr("is not HOST:PORT")) << address;
  }
}

TEST(ListeningPort, TakenPortIsAClearError) {
  const auto first = ListeningSocket::at_host_port("127.0.0.1:0");
  const std::string address = "127.0.0.1:" + std::to_string(first->port());
  const auto second = ListeningSocket::at_host_port(address);
  EXPECT_EQ(StatusCode::kFatal, second.status().code());
  EXPECT_THAT(second.status().message(), HasSubstr("another process listens there"));
}

}  // namespace
}  // namespace lastseen
