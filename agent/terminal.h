// The terminal of a full-screen command: raw keys, the alternate screen, its size.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>

namespace lastseen {

/// Takes the terminal over, and gives it back as it was, also when the command is stopped by ^Z
/// or ends by a signal. SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGWINCH are events here.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Whether both standard input and output are one that can show a screen.
  static bool is_there();

  struct Size {
    size_t rows = 24;
    size_t columns = 80;
  };
  Size size() const;

  enum class Event { kNone, kKey, kResize, kQuit };
  struct Input {
    Event event = Event::kNone;
    char key = 0;  ///< kKey; 'k' and 'j' for the arrows up and down.
  };
  /// Waits `timeout_ms` at most; a stop by ^Z takes as long as it takes.
  Input wait(int timeout_ms);

  /// A whole screen in one write, so that it does not flicker.
  void write(const std::string& bytes);

 private:
  void enter();
  void leave();
  Input read_keys();
  Input read_signal();

  termios saved_{};
  int signals_ = -1;
};

}  // namespace lastseen
