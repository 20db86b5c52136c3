// `lastseen top`: asks the agent again and again, and shows what came of it.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

#include "command_support.h"
#include "commands.h"
#include "config/values.h"
#include "control/control_client.h"
#include "control/top_view.h"
#include "exit_code.h"
#include "terminal.h"

namespace lastseen {

namespace {

// An agent that does not answer must not hold up the `q` of whoever looks.
constexpr Milliseconds kTopReplyMs = 2000;

constexpr Milliseconds kIntervalMin = 100;

std::string_view code_of(TopLine::Style style) {
  switch (style) {
    case TopLine::Style::kPlain:
      return "";
    case TopLine::Style::kHeading:
      return "\x1b[1m";
    case TopLine::Style::kGood:
      return "\x1b[32m";
    case TopLine::Style::kTrouble:
      return "\x1b[31m";
  }
  return "";
}

class Top {
 public:
  Top(std::string socket, Milliseconds interval_ms)
      : socket_(std::move(socket)), interval_ms_(interval_ms) {}

  /// Until `q` or a signal, or `frames` were shown (0: no such end).
  int on_terminal(uint64_t frames) {
    Terminal terminal;
    for (uint64_t shown = 1;; ++shown) {
      ask();
      draw(terminal);
      if (shown == frames) return kExitDone;
      const int64_t next_mono_ms = clock_.now().mono_ms + interval_ms_;
      for (int64_t left_ms = interval_ms_; left_ms > 0;
           left_ms = next_mono_ms - clock_.now().mono_ms) {
        if (!react(terminal, terminal.wait(static_cast<int>(left_ms)))) return kExitDone;
      }
    }
  }

  /// Frames of plain text, one after the other. The first has rates already: it waits for them.
  int as_text(uint64_t frames) {
    ask();
    for (uint64_t shown = 0; shown < frames; ++shown) {
      std::this_thread::sleep_for(std::chrono::milliseconds(interval_ms_));
      ask();
      if (shown > 0) std::cout << '\n';
      const TopScreen screen = top_screen(view_, clock_.now(), 0, 0);
      for (const TopLine& line : screen.lines) std::cout << line.text << '\n';
      if (!std::cout.flush()) return fail("the output could not be written");
    }
    return view_.trouble.empty() ? kExitDone : kExitFailed;
  }

 private:
  void ask() {
    const Result<HttpReply> reply = ask_agent(socket_, "GET", "/status", kTopReplyMs, clock_);
    if (!reply) {
      view_.trouble = reply.status().message();
      return;
    }
    auto status = read_status(reply->body, clock_.now());
    if (!status) {
      view_.trouble = "what answers on " + socket_ + " is no agent of lastseen";
      return;
    }
    view_.trouble.clear();
    view_.before = std::exchange(view_.latest, std::move(status));
  }

  void draw(Terminal& terminal) {
    const Terminal::Size size = terminal.size();
    std::string screen = "\x1b[H";
    const TopScreen shown = top_screen(view_, clock_.now(), size.rows, size.columns);
    const std::vector<TopLine>& lines = shown.lines;
    view_.scroll = shown.scroll;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) screen += "\r\n";
      screen.append(code_of(lines[i].style)).append(lines[i].text).append("\x1b[0m\x1b[K");
    }
    terminal.write(screen + "\x1b[J");
  }

  // False: the end.
  bool react(Terminal& terminal, Terminal::Input input) {
    if (input.event == Terminal::Event::kQuit) return false;
    if (input.event == Terminal::Event::kNone) return true;
    if (input.key == 'q' || input.key == 'Q') return false;
    if (input.key == 'j') ++view_.scroll;
    if (input.key == 'k' && view_.scroll > 0) --view_.scroll;
    draw(terminal);
    return true;
  }

  std::string socket_;
  Milliseconds interval_ms_;
  SystemClock clock_;
  TopView view_;
};

}  // namespace

int top_command(const TopArguments& arguments) {
  const std::optional<Milliseconds> interval_ms = parse_duration(arguments.interval);
  if (!interval_ms || *interval_ms < kIntervalMin)
    return usage_error("--interval is a duration of 100ms or more, such as 1s");
  Top top(arguments.socket, *interval_ms);
  if (Terminal::is_there()) return top.on_terminal(arguments.count.value_or(0));
  return top.as_text(arguments.count.value_or(1));
}

}  // namespace lastseen
